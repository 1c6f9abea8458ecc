/** A Redis server for one case, on a free port of the loopback interface. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CompetitorError } from "../../harness/model.ts"
import { type Process, start } from "../../harness/processes.ts"
import { fromPromise } from "../../harness/timeout.ts"

const SERVER = "redis-server"

/** `undefined` without a `redis-server` on the PATH. */
export const version = (): string | undefined => {
  const { stdout } = spawnSync(SERVER, ["--version"], { encoding: "utf8" })
  return /v=(\S+)/.exec(stdout ?? "")?.[1]
}

const freePort = fromPromise(() =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
)

interface Redis {
  readonly port: number
  readonly server: Process
}

const startWith = (persistence: ReadonlyArray<string>): Effect.Effect<Redis, CompetitorError, Scope.Scope> =>
  Effect.gen(function*() {
    if (version() === undefined) {
      return yield* new CompetitorError({ message: `no ${SERVER} on the PATH: apt-get install ${SERVER}` })
    }
    const port = yield* freePort
    const server = yield* start(SERVER, ["--bind", "127.0.0.1", "--port", String(port), "--save", "", ...persistence])
    yield* server.waitForOutput(/(Ready to accept connections)/)
    return { port, server }
  })

/** Starts a server without persistence. */
export const redis = startWith(["--appendonly", "no", "--dir", tmpdir()])

/** Starts a server that writes each command to a file, and waits for the disk once a second. */
export const durableRedis = Effect.flatMap(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-redis-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => startWith(["--appendonly", "yes", "--appendfsync", "everysec", "--dir", folder])
)
