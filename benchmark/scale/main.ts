/**
 * The scale suite: what a name server pays for many workers and clients, and how soon all of them are back after it was
 * restarted. The name server is a process of its own. All workers, whose pools run nothing, and all clients are in this
 * process, so that one machine has room for them.
 *
 *     node --conditions=papyros-source benchmark/scale/main.ts [WORKERS] [CLIENTS]
 *
 * Default: 200 workers and 20 clients. Each client has a connection to each worker.
 *
 * The exit code is 1 if a client loses a worker because the name server is restarted, or if a target is missed: all
 * workers registered 5 s after the restart, and an idle name server below 10 % of a core.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as Secret from "../../src/internal/remote/auth/secret.ts"
import * as Registry from "../../src/internal/remote/registry/registry.ts"
import * as WorkerServer from "../../src/internal/remote/worker/server.ts"
import { checkPool } from "../../src/internal/threads/main/options.ts"

const WORKERS = Number(process.argv[2] ?? 200)
const CLIENTS = Number(process.argv[3] ?? 20)

/** How long the name server is watched while nothing happens, in milliseconds. */
const IDLE = 20_000

const REGISTERED_TARGET = 5000
const CPU_TARGET = 0.1

class Nothing extends Task.Class<Nothing>()("Nothing", { payload: {} }) {}
const Tasks = TaskGroup.make(Nothing)

/** A pool of one thread that takes no task. */
const stub: Parameters<typeof WorkerServer.serve>[2] = {
  name: "stub",
  boundary: "codec",
  maxChunk: 1,
  open: (scheduler) =>
    Effect.sync(() => scheduler.join({ name: "stub", concurrency: 1, window: 1, wake: () => {}, cancel: () => {} }))
}

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))

class NameServer {
  readonly child: ChildProcess
  private log = ""

  constructor(port: number, secret: string) {
    this.child = spawn(process.execPath, ["--conditions=papyros-source", bin, "nameserver", "--port", String(port)], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, PAPYROS_SECRET: secret }
    })
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => this.log += text)
  }

  get port(): number {
    return Number(/listening on \S+:(\d+)/.exec(this.log)?.[1] ?? 0)
  }

  get registered(): number {
    return this.log.match(/\) of group \S+ registered/g)?.length ?? 0
  }

  /** User and system time, in milliseconds. Linux counts it in hundredths of a second. */
  get cpu(): number {
    const [, fields] = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")
    const [user, system] = fields.split(" ").slice(11, 13)
    return 10 * (Number(user) + Number(system))
  }
}

const nameServer = (port: number, secret: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new NameServer(port, secret)),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** The milliseconds until a condition holds. */
const until = (holds: () => boolean): Effect.Effect<number> =>
  Effect.suspend(() => {
    const start = performance.now()
    const wait: Effect.Effect<number> = Effect.suspend(() =>
      holds() ? Effect.succeed(performance.now() - start) : Effect.andThen(Effect.sleep(10), wait)
    )
    return wait
  })

const program = Effect.gen(function*() {
  const secret = yield* Secret.generate
  const text = Redacted.value(secret)
  const serving = yield* Scope.make()
  const before = yield* Scope.provide(nameServer(0, text), serving)
  yield* until(() => before.port > 0)
  const { port } = before
  const at = { host: "127.0.0.1", port, secret, group: "default" }

  const start = performance.now()
  yield* Effect.forEach(
    Array.from({ length: WORKERS }),
    Effect.fnUntraced(function*() {
      yield* WorkerServer.serve(
        yield* Registry.nameServer({ ...at, role: "worker" }),
        {
          pool: checkPool(Tasks, { handlers: import.meta.url, size: 1 }),
          secret,
          workerGroup: "default",
          host: "127.0.0.1",
          port: 0,
          advertise: { host: "127.0.0.1", port: undefined },
          drainTimeout: 0,
          maxTaskBytes: 1024
        },
        stub
      )
    }),
    { concurrency: "unbounded", discard: true }
  )
  yield* Console.log(`${WORKERS} workers registered ${Math.round(performance.now() - start)} ms after they started`)

  // One after the other: this process does both ends of each handshake.
  const opened = performance.now()
  const clients: Array<Dispatcher.Dispatcher["Service"]> = []
  const connections = (): number => clients.reduce((sum, { status }) => sum + Effect.runSync(status).workers.length, 0)
  for (let count = 1; count <= CLIENTS; count++) {
    const layer = RemoteDispatcher.layer(Tasks, { nameServer: `127.0.0.1:${port}`, secret })
    clients.push(Context.get(yield* Layer.build(Layer.fresh(layer)), Dispatcher.Dispatcher))
    yield* until(() => connections() === count * WORKERS)
  }
  yield* Console.log(
    `${CLIENTS} clients had ${connections()} connections ${Math.round(performance.now() - opened)} ms after they opened`
  )

  yield* Effect.sleep(2000)
  const cpu = before.cpu
  const own = process.cpuUsage()
  yield* Effect.sleep(IDLE)
  const share = (before.cpu - cpu) / IDLE
  const { system, user } = process.cpuUsage(own)
  yield* Console.log(`Idle name server: ${(100 * share).toFixed(1)} % of a core (target: below ${100 * CPU_TARGET} %)`)
  yield* Console.log(`Idle workers and clients together: ${((system + user) / 10 / IDLE).toFixed(1)} % of a core`)

  let fewest = Infinity
  const watch = setInterval(() => fewest = Math.min(fewest, connections()), 50)
  yield* Scope.close(serving, Exit.void)
  // Every process notices that it is gone, and tries to connect.
  yield* Effect.sleep(3000)
  const after = yield* nameServer(port, text)
  yield* until(() => after.port > 0)
  const registered = yield* until(() => after.registered === WORKERS)
  const busy = after.cpu
  clearInterval(watch)
  yield* Console.log(
    `All workers registered ${Math.round(registered)} ms after the restarted name server listened ` +
      `(target: ${REGISTERED_TARGET} ms), which had used ${busy} ms of CPU time`
  )
  yield* Console.log(`Meanwhile the clients had at least ${fewest} of ${WORKERS * CLIENTS} connections`)
  if (share >= CPU_TARGET || registered > REGISTERED_TARGET || fewest < WORKERS * CLIENTS) process.exitCode = 1
})

program.pipe(Effect.scoped, Effect.provide(Logger.layer([])), NodeRuntime.runMain)
