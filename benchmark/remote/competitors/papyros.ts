/**
 * papyros: a name server and worker processes of one thread, started by the command `papyros`, and a dispatcher
 * in this process.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import type { CompetitorError } from "../../harness/model.ts"
import { compiled, moduleUrl, repositoryUrl } from "../../harness/modules.ts"
import { execute, PAPYROS, runSequentially } from "../../harness/papyros.ts"
import { type Process, startModule } from "../../harness/processes.ts"
import { numberOf, type Payload } from "../workload/payloads.ts"
import { EchoBytes, EchoText, group, Inc } from "../workload/tasks.ts"
import { type Client, type RemoteImplementation, WORKERS } from "./implementation.ts"

const bin = repositoryUrl(compiled ? "dist/bin.js" : "src/bin.ts")
const handlers = fileURLToPath(moduleUrl("../workload/handlers.ts", import.meta.url))

export interface Deployment {
  readonly nameServer: string
  /** Starts one more worker. */
  readonly startWorker: Effect.Effect<Process, never, Scope.Scope>
  readonly layer: Layer.Layer<Dispatcher.Dispatcher>
}

/** Starts a name server. `env` adds variables to the environment of its workers. */
export const deploy = (
  tls: boolean,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Deployment, CompetitorError, Scope.Scope> =>
  Effect.gen(function*() {
    const secret = tls ? randomBytes(32).toString("base64url") : undefined
    const variables = { ...env, ...(secret === undefined ? {} : { PAPYROS_SECRET: secret }) }
    const server = yield* startModule(bin, ["nameserver", "--port", "0"], variables)
    const nameServer = yield* server.waitForOutput(/listening on (\S+:\d+)/)
    return {
      nameServer,
      startWorker: startModule(bin, ["workers", handlers, "-n", "1", "--name-server", nameServer], variables),
      layer: layer(nameServer, secret)
    }
  })

const layer = (nameServer: string, secret: string | undefined): Layer.Layer<Dispatcher.Dispatcher> =>
  RemoteDispatcher.layer(group, {
    nameServer,
    secret: secret === undefined ? undefined : Redacted.make(secret)
  }).pipe(Layer.orDie, Layer.fresh, Layer.provide(Logger.layer([])))

/** Completes when the worker is registered with its name server. */
export const awaitRegistration = (worker: Process) => worker.waitForOutput(/Worker (\S+) is registered/)

/** Completes when the dispatcher is connected to this number of workers. */
export const awaitWorkers = (workers: number): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.flatMap(
    Dispatcher.status,
    (status) => status.workers.length === workers ? Effect.void : Effect.andThen(Effect.sleep(5), awaitWorkers(workers))
  )

const incs: Array<Inc> = []

/** The first `tasks` tasks, made before the clock runs and shared by all cases. */
const increments = (tasks: number): ReadonlyArray<Inc> => {
  while (incs.length < tasks) incs.push(new Inc({ n: incs.length + 1 }))
  return incs.slice(0, tasks)
}

const echo = (payloads: ReadonlyArray<Payload>) =>
  typeof payloads[0] === "string"
    ? execute(payloads.map((text) => new EchoText({ text: text as string })), numberOf)
    : execute(payloads.map((bytes) => new EchoBytes({ bytes: bytes as Uint8Array })), numberOf)

/** A client of a dispatcher, once that has so many workers. */
export const open = (
  layer: Layer.Layer<Dispatcher.Dispatcher>,
  workers: number
): Effect.Effect<Client, CompetitorError, Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Layer.build(layer)
    return {
      increments: (tasks, chunkSize) =>
        Effect.provideContext(
          execute(increments(tasks), Number, chunkSize === "auto" ? undefined : { chunkSize }),
          dispatcher
        ),
      incrementsSequentially: (tasks) =>
        Effect.provideContext(runSequentially(increments(tasks), Number, 0), dispatcher),
      echo: (payloads) => Effect.provideContext(echo(payloads), dispatcher),
      ready: Effect.provideContext(awaitWorkers(workers), dispatcher)
    } satisfies Client
  })

const implementation = (name: string, { tls = false, workers: count = WORKERS }): RemoteImplementation => ({
  name,
  settings: `papyros nameserver, ${count} × papyros workers -n 1, defaults${tls ? ", PAPYROS_SECRET of 256 bits" : ""}`,
  tasks: { 1: 10_000, 16: 40_000, 256: 150_000, auto: 200_000 },
  payloads: 1000,
  deploy: Effect.gen(function*() {
    const { layer, startWorker } = yield* deploy(tls)
    const workers = yield* Effect.replicateEffect(startWorker, count)
    yield* Effect.forEach(workers, awaitRegistration)
    return { servers: workers, open: open(layer, count) }
  })
})

export const papyros = implementation(PAPYROS, {})
export const papyrosTwo = implementation(`${PAPYROS}, two workers`, { workers: 2 })
export const papyrosTls = implementation(`${PAPYROS}, TLS`, { tls: true })
