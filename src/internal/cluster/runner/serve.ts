/**
 * A worker process on a runner of Effect Cluster: registers the entity, whose calls reach the sessions of a worker.
 *
 * Must stay true: when the scope ends, the worker drains while the entity still answers, and the threads end last. So
 * the entity is registered after the threads have started, and the finalizer that drains is added after the entity.
 */
import { Sharding } from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { hostname } from "node:os"
import { PROTOCOL } from "../../remote/protocol/messages.ts"
import * as WorkerService from "../../remote/worker/service.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import * as ThreadsExecutor from "../../threads/main/executor.ts"
import type { PoolOptions } from "../../threads/main/options.ts"
import { entityOf, type WorkerEntity } from "../entity.ts"
import { PolledSessions } from "./polledSessions.ts"

export interface ServeOptions {
  readonly pool: PoolOptions
  readonly workerGroup: string
  readonly shardGroup: string | undefined
  readonly maxTaskBytes: number
  /** Milliseconds. */
  readonly drainTimeout: number
}

/** How long the registration of the entity may take to be reported, in milliseconds. */
const REGISTRATION_TIMEOUT = 1000

/** Refused versions that are logged. */
const MAX_REFUSED = 100

/** The handlers of the entity's calls, and the end of the service. */
export const makeHandlers = Effect.fnUntraced(function*(
  { drainTimeout, maxTaskBytes, pool }: Omit<ServeOptions, "shardGroup" | "workerGroup">,
  threads: ThreadsExecutor.PoolExecutor = ThreadsExecutor.make({ ...pool, relays: true }),
  name = `${hostname()}-${process.pid}`
) {
  const { drain, incarnation, offer, scheduler, sessions, slots } = yield* WorkerService.make({
    pool,
    threads,
    name,
    maxTaskBytes,
    drainTimeout
  })
  const polled = new PolledSessions({ incarnation, sessions, scheduler })
  /** The versions that were refused, each of which is logged once: a client asks for as long as it lives. */
  const refused = new Set<string>()
  const refuse = (client: { readonly protocol: number; readonly version: string }) => {
    const version = `papyros ${sanitizeForLog(client.version)} (protocol ${client.protocol})`
    if (refused.has(version) || refused.size === MAX_REFUSED) return Effect.void
    refused.add(version)
    return Effect.logWarning(`Refuses clients that run ${version}: this is protocol ${PROTOCOL}`)
  }
  let leaving = false
  return {
    name,
    slots,
    drain: Effect.suspend(() => {
      leaving = true
      return drain
    }),
    calls: {
      Hello: (client: { readonly protocol: number; readonly version: string }) =>
        Effect.as(
          client.protocol === PROTOCOL ? Effect.void : refuse(client),
          { handshake: offer(client.protocol), incarnation, leaving }
        ),
      Send: polled.send,
      Poll: polled.poll,
      Bye: polled.bye
    }
  }
})

/** Serves tasks until its scope ends, and then drains. */
export const serve = Effect.fnUntraced(function*({ shardGroup, workerGroup, ...options }: ServeOptions) {
  const sharding = yield* Sharding
  const { calls, drain, name, slots } = yield* makeHandlers(options)
  yield* register(sharding, entityOf(workerGroup, shardGroup), {
    Hello: ({ payload }) => calls.Hello(payload),
    Send: ({ payload }) => calls.Send(payload),
    Poll: ({ payload }) => calls.Poll(payload),
    Bye: ({ payload }) => calls.Bye(payload)
  })
  yield* Effect.addFinalizer(() => drain)
  yield* Effect.logInfo(`Worker ${name} of group ${workerGroup} serves the cluster, with ${slots} slots`)
})

type Handlers = Parameters<WorkerEntity["of"]>[0]

/** The engine ignores the registration of a client, and the second one of an entity. Both are defects here. */
const register = Effect.fnUntraced(function*(
  sharding: Sharding["Service"],
  entity: WorkerEntity,
  handlers: Handlers
) {
  const registered = yield* Stream.runHead(
    Stream.filter(
      sharding.getRegistrationEvents,
      (event) => event._tag === "EntityRegistered" && event.entity.type === entity.type
    )
  ).pipe(Effect.forkScoped({ startImmediately: true }))
  yield* sharding.registerEntity(entity, Effect.succeed(entity.of(handlers)), {
    concurrency: "unbounded",
    mailboxCapacity: "unbounded",
    disableFatalDefects: true
  })
  const event = yield* Effect.timeoutOption(Fiber.join(registered), REGISTRATION_TIMEOUT)
  if (event._tag === "Some") return
  yield* Effect.die(
    new Error(
      `The runner does not serve ${entity.type}: its Sharding is that of a client (clientOnly), or it serves this ` +
        "worker group already, or has served it. Use the Sharding of a runner, and one ClusterDispatcher.toLayer for " +
        "each worker group."
    )
  )
})
