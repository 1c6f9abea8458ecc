/**
 * Postgres servers for tests: on a free port of the loopback interface, with their data in a temporary directory, run by
 * an unprivileged user if the tests run as root.
 *
 * Must stay true: no server outlives the process that it belongs to, even if that is killed.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { appendFileSync, chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { binaries, MISSING } from "./binaries.ts"

export interface Server {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string
  readonly port: number
  readonly start: Effect.Effect<void>
  /** `fast` ends the sessions, `immediate` is a crash. */
  readonly stop: (mode: "fast" | "immediate") => Effect.Effect<void>
}

const NOBODY = 65_534

/** Postgres refuses to run as root. */
const user = process.getuid?.() === 0
  ? { uid: NOBODY, gid: NOBODY }
  : {}

/** Makes the user of the server the owner of a file or directory. */
export const giveToServer = (path: string): void => {
  if (user.uid !== undefined) chownSync(path, user.uid, user.gid)
}

const run = (program: string, args: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (binaries === undefined) return resume(Effect.die(new Error(MISSING)))
    // A server that it starts would keep a pipe open. The working directory may be closed to the user.
    const child = spawn(join(binaries, program), args, { ...user, cwd: "/", stdio: "ignore" })
    child.on("error", (error) => resume(Effect.die(error)))
    child.on("exit", (code) =>
      resume(code === 0 ? Effect.void : Effect.die(new Error(`${program} ${args.join(" ")} ended with ${code}`))))
  })

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** Stops the server and removes its directory when process `owner` has ended. */
const watch = (owner: number, root: string): void => {
  const script = `
    while kill -0 ${owner} 2>/dev/null; do sleep 1; [ -d "$0" ] || exit 0; done
    pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
    rm -rf "$0"`
  spawn("/bin/sh", ["-c", script, root], { detached: true, stdio: "ignore" }).unref()
}

const access = (port: number): ReadonlyArray<string> => [
  `port = ${port}`,
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = ''",
  "log_min_messages = fatal"
]

/** Fast, and without regard to a crash of the host. */
export const FAST: ReadonlyArray<string> = [
  "max_connections = 200",
  "shared_buffers = 32MB",
  "fsync = off",
  "full_page_writes = off"
]

/** Makes a server in a directory that exists. It belongs to process `owner`. `settings` are lines of its configuration. */
export const makeIn = Effect.fnUntraced(function*(
  root: string,
  owner: number,
  settings: ReadonlyArray<string> = FAST
): Effect.fn.Return<Server> {
  giveToServer(root)
  chmodSync(root, 0o700)
  watch(owner, root)
  const password = randomBytes(12).toString("hex")
  const data = join(root, "data")
  const passwordFile = join(root, "password")
  writeFileSync(passwordFile, password, { mode: 0o600 })
  giveToServer(passwordFile)
  const account = ["-U", "papyros", `--pwfile=${passwordFile}`, "--auth=scram-sha-256"]
  yield* run("initdb", ["-D", data, "-E", "UTF8", "--locale=C", "--no-sync", ...account])
  const port = yield* freePort
  appendFileSync(join(data, "postgresql.conf"), [...access(port), ...settings, ""].join("\n"))
  const start = run("pg_ctl", ["-D", data, "-w", "-t", "60", "-l", join(root, "log"), "start"])
  yield* start
  return {
    url: `postgres://papyros:${password}@127.0.0.1:${port}/postgres`,
    port,
    start,
    stop: (mode) => run("pg_ctl", ["-D", data, "-w", "-t", "60", "-m", mode, "stop"])
  }
})

const PREFIX = "papyros-postgres-"

/** A server for the scope, with lines of its configuration. */
export const makeWith = Effect.fnUntraced(function*(
  settings: ReadonlyArray<string>
): Effect.fn.Return<Server, never, Scope.Scope> {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), PREFIX))),
    (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
  )
  return yield* Effect.acquireRelease(
    makeIn(root, process.pid, settings),
    ({ stop }) => Effect.ignoreCause(stop("immediate"))
  )
})

/** A fast server for the scope. */
export const make: Effect.Effect<Server, never, Scope.Scope> = makeWith(FAST)
