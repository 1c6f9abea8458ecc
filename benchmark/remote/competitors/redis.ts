/** A Redis of its own for a case: on a free port of the loopback, keeping nothing. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { Broken } from "../../harness/model.ts"
import { start } from "../../harness/processes.ts"
import { guard } from "../../pool/competitors/implementation.ts"

const SERVER = "redis-server"

/** `undefined` if there is none on the PATH. */
export const version = (): string | undefined => {
  const { stdout } = spawnSync(SERVER, ["--version"], { encoding: "utf8" })
  return /v=(\S+)/.exec(stdout ?? "")?.[1]
}

const freePort = guard(() =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
)

/** Starts one; its port. */
export const redis: Effect.Effect<number, Broken, Scope.Scope> = Effect.gen(function*() {
  if (version() === undefined) {
    return yield* new Broken({ message: `no ${SERVER} on the PATH: apt-get install ${SERVER}` })
  }
  const port = yield* freePort
  const persistence = ["--save", "", "--appendonly", "no", "--dir", tmpdir()]
  const server = yield* start(SERVER, ["--bind", "127.0.0.1", "--port", String(port), ...persistence])
  yield* server.wrote(/(Ready to accept connections)/)
  return port
})
