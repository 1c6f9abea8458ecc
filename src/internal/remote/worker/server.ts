/**
 * A worker process: its threads, its port, and its place in the registry. Opened in
 * this order and left in the other: it is forgotten first, then gives back what has
 * not started, then waits for what runs.
 */
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as TaskGroup from "../../../TaskGroup.ts"
import { countOption, millisOption } from "../../options.ts"
import { makeScheduler, openExecutor } from "../../scheduler/scheduler.ts"
import * as ThreadsExecutor from "../../threads/main/executor.ts"
import { checkPool } from "../../threads/main/options.ts"
import type { Secret } from "../auth/secret.ts"
import { groupOption, maxFrameSize, maxTaskBytesOption } from "../options.ts"
import { TaskCatalog } from "../protocol/catalog.ts"
import { PROTOCOL, WorkerRpcs } from "../protocol/messages.ts"
import * as Bytes from "../protocol/serialization.ts"
import { VERSION } from "../protocol/version.ts"
import type { Registry } from "../registry/registry.ts"
import * as Address from "../transport/address.ts"
import { cannotListen } from "../transport/error.ts"
import { listen } from "../transport/listen.ts"
import * as Peer from "../transport/peer.ts"
import * as RpcServer from "../transport/rpcServer.ts"
import { sanitizeForLog } from "../transport/sanitize.ts"
import { HEARTBEAT_TIMEOUT } from "../transport/timeouts.ts"
import type { RemoteWorkerOptions } from "./options.ts"
import { ClientSessions } from "./sessions.ts"

/** Serves tasks until its scope ends, and then leaves in good order. */
export const serveWorker = Effect.fnUntraced(function*(
  group: TaskGroup.Any,
  registry: Registry["Service"],
  options: RemoteWorkerOptions,
  secret: Secret | undefined
) {
  const workerGroup = groupOption(options.workerGroup)
  const maxTaskBytes = maxTaskBytesOption(options.maxTaskBytes)
  const drainTimeout = millisOption("drainTimeout", options.drainTimeout) ?? 30_000
  const pool = checkPool(group, options)
  const slots = pool.max * pool.concurrency
  const served = new TaskCatalog(group.tasks)

  const host = options.host ?? "127.0.0.1"
  const server = yield* listen({
    host,
    port: countOption("port", options.port, 0) ?? 0,
    secret,
    // Whoever may look into all groups may look at their workers.
    accepts: ({ group, role }) => role === "operator" || (role === "client" && group === workerGroup),
    silence: HEARTBEAT_TIMEOUT
  }).pipe(Effect.mapError(cannotListen(host)))
  // What a thread is lost with is for the client to count.
  const threads = ThreadsExecutor.make(pool)
  const hub = yield* makeScheduler(group.tasks, threads, { maxWorkerLosses: 1, relays: true })
  yield* openExecutor(hub, threads.open)
  const port = "port" in server.address ? server.address.port : 0
  const address = RunnerAddress.make(options.advertise ?? host, port)
  const name = Address.format(address)
  const sessions = new ClientSessions<Peer.Peer["Service"]>({ hub, served, worker: name, slots, maxTaskBytes })

  const handlers = WorkerRpcs.toLayer({
    Hello: () =>
      Effect.flatMap(Peer.current, (peer) =>
        Effect.as(peer.authenticated, {
          protocol: PROTOCOL,
          version: VERSION,
          format: Bytes.FORMAT,
          worker: name,
          slots,
          maxTaskBytes,
          tasks: Array.from(served.fingerprints)
        })),
    Outcomes: (client) => Stream.unwrap(Effect.map(clientOnly, (peer) => sessions.outcomes(peer, client.maxTaskBytes))),
    Send: (orders) =>
      Effect.flatMap(clientOnly, (peer) =>
        Effect.try({ try: () => sessions.order(peer, orders), catch: String }).pipe(
          Effect.catch((why) =>
            Effect.logWarning(`Ended the connection of ${peer.remoteAddress}: it sent ${sanitizeForLog(why)}`).pipe(
              Effect.andThen(peer.close)
            )
          )
        )),
    Status: () => Effect.sync(() => sessions.status)
  })
  yield* Effect.provide(RpcServer.serve(WorkerRpcs, server, { maxFrameSize: maxFrameSize(maxTaskBytes) }), handlers)

  // Closed before all that it needs.
  const registered = yield* Scope.make()
  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      yield* Scope.close(registered, Exit.void)
      yield* Effect.logInfo(`Worker ${name} leaves: waiting at most ${drainTimeout} ms for what runs`)
      const drained = yield* Effect.timeoutOption(Effect.interruptible(sessions.leave), drainTimeout)
      yield* Effect.logInfo(
        drained._tag === "Some" ? `Worker ${name} is drained` : `Worker ${name} gave up waiting for what runs`
      )
    })
  )
  yield* Effect.logInfo(`Worker ${name} of group ${workerGroup} is listening, with ${slots} slots`)
  const runner = Runner.make({ address, groups: [workerGroup], weight: slots })
  yield* Scope.provide(registry.register(runner), registered)
  yield* Effect.logInfo(`Worker ${name} is registered`)
})

/** An operator may look, and not run anything. */
const clientOnly = Effect.flatMap(
  Peer.current,
  (peer) =>
    peer.identity === undefined || peer.identity.role === "client"
      ? Effect.succeed(peer)
      : Effect.die(new Error("only a client of the group may run tasks"))
)
