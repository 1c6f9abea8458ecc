/**
 * papyros: a name server and worker processes of one thread, as their commands start
 * them from sources, and a dispatcher in this process.
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
import type { Broken } from "../../harness/model.ts"
import { node, type Process } from "../../harness/processes.ts"
import { execute, oneByOne } from "../../pool/competitors/papyros.ts"
import { group, Inc } from "../workload/tasks.ts"
import { type Client, type Peer, WORKERS } from "./implementation.ts"

export const PAPYROS = "papyros"
const PAPYROS_TLS = "papyros, TLS"

const bin = "../../src/bin.ts"
const handlers = fileURLToPath(new URL("../workload/handlers.ts", import.meta.url))

export interface Deployment {
  readonly nameServer: string
  readonly secret: string | undefined
  /** Starts one more worker. */
  readonly worker: Effect.Effect<Process, never, Scope.Scope>
  readonly layer: Layer.Layer<Dispatcher.Dispatcher>
}

/** A name server; `env` is what else is in the environment of workers. */
export const deploy = (
  tls: boolean,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Deployment, Broken, Scope.Scope> =>
  Effect.gen(function*() {
    const secret = tls ? randomBytes(32).toString("base64url") : undefined
    const own = { ...env, ...(secret === undefined ? {} : { PAPYROS_SECRET: secret }) }
    const server = yield* node(bin, ["nameserver", "--port", "0"], own)
    const nameServer = yield* server.wrote(/listening on (\S+:\d+)/)
    return {
      nameServer,
      secret,
      worker: node(bin, ["workers", handlers, "-n", "1", "--name-server", nameServer], own),
      layer: layer(nameServer, secret)
    }
  })

const layer = (nameServer: string, secret: string | undefined): Layer.Layer<Dispatcher.Dispatcher> =>
  RemoteDispatcher.layer(group, {
    nameServer,
    secret: secret === undefined ? undefined : Redacted.make(secret)
  }).pipe(Layer.orDie, Layer.fresh, Layer.provide(Logger.layer([])))

export const registered = (worker: Process) => worker.wrote(/Worker (\S+) is registered/)

/** Waits until the dispatcher has so many workers. */
export const joined = (workers: number): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.flatMap(
    Dispatcher.status,
    (status) => status.workers.length === workers ? Effect.void : Effect.andThen(Effect.sleep(5), joined(workers))
  )

const incs: Array<Inc> = []

/** The first so many, made before the clock runs. */
const increments = (tasks: number): ReadonlyArray<Inc> => {
  while (incs.length < tasks) incs.push(new Inc({ n: incs.length + 1 }))
  return incs.slice(0, tasks)
}

const open = ({ layer }: Deployment): Effect.Effect<Client, Broken, Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Layer.build(layer)
    return {
      increments: (tasks, chunkSize) =>
        Effect.provideContext(
          execute(increments(tasks), Number, chunkSize === "auto" ? undefined : { chunkSize }),
          dispatcher
        ),
      oneByOne: (tasks) => Effect.provideContext(oneByOne(increments(tasks), Number, 0), dispatcher),
      ready: Effect.provideContext(joined(WORKERS), dispatcher)
    } satisfies Client
  })

const peer = (name: string, tls: boolean): Peer => ({
  name,
  settings: `papyros nameserver, ${WORKERS} × papyros workers -n 1, defaults${
    tls ? ", PAPYROS_SECRET of 256 bits" : ""
  }`,
  deploy: Effect.gen(function*() {
    const deployment = yield* deploy(tls)
    const workers = yield* Effect.replicateEffect(deployment.worker, WORKERS)
    yield* Effect.forEach(workers, registered)
    return open(deployment)
  })
})

export const papyros = peer(PAPYROS, false)
export const papyrosTls = peer(PAPYROS_TLS, true)
