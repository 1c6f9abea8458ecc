/**
 * A worker process of Remote: its port, its service, and its registration.
 *
 * Must stay true: the worker is registered last and unregistered first. It then drains, and only then closes its
 * connections.
 */
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Address from "../../address.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import * as ThreadsExecutor from "../../threads/main/executor.ts"
import type { PoolOptions } from "../../threads/main/options.ts"
import type { Advertised } from "../advertise.ts"
import type { Secret } from "../auth/secret.ts"
import { maxFrameSize } from "../options.ts"
import { PROTOCOL, Refused, WorkerRpcs } from "../protocol/messages.ts"
import { decodeCommands, encodeEvents } from "../protocol/sessionMessages.ts"
import type { Registry } from "../registry/registry.ts"
import { cannotListen } from "../transport/error.ts"
import { HEARTBEAT_TIMEOUT } from "../transport/heartbeat.ts"
import { listen } from "../transport/listen.ts"
import { currentPeer, type Peer } from "../transport/peer.ts"
import * as RpcServer from "../transport/rpcServer.ts"
import * as WorkerService from "./service.ts"

export interface WorkerServerOptions {
  readonly pool: PoolOptions
  readonly secret: Secret | undefined
  readonly workerGroup: string
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The address by which clients reach it. */
  readonly advertise: Advertised
  /** Milliseconds. */
  readonly drainTimeout: number
  readonly maxTaskBytes: number
}

/** Serves tasks until its scope ends, and then drains. */
export const serve = Effect.fnUntraced(function*(
  registry: Registry["Service"],
  { advertise, drainTimeout, host, maxTaskBytes, pool, port, secret, workerGroup }: WorkerServerOptions,
  threads: ThreadsExecutor.PoolExecutor = ThreadsExecutor.make({ ...pool, relays: true })
) {
  const server = yield* listen({
    host,
    port,
    secret,
    // An operator may read the state of every worker.
    accepts: ({ group, role }) => role === "operator" || (role === "client" && group === workerGroup),
    heartbeatTimeout: HEARTBEAT_TIMEOUT
  }).pipe(Effect.mapError(cannotListen({ host, port })))
  const address = RunnerAddress.make(
    advertise.host,
    advertise.port ?? ("port" in server.address ? server.address.port : 0)
  )
  const name = Address.format(address)
  const { drain, offer, scheduler, sessions, slots, status, watchers } = yield* WorkerService.make({
    pool,
    threads,
    name,
    maxTaskBytes,
    drainTimeout
  })

  /** The peers of the same protocol. */
  const accepted = new WeakSet<Peer>()
  const handlers = WorkerRpcs.toLayer({
    Handshake: (client) =>
      Effect.flatMap(currentPeer, (peer) => {
        const isSame = client.protocol === PROTOCOL
        if (isSame) {
          peer.authenticate()
          accepted.add(peer)
        }
        return Effect.as(isSame ? Effect.void : refused(peer, client), offer(client.protocol))
      }),
    Events: (client) =>
      Stream.unwrap(Effect.map(clientOnly(accepted), (peer) =>
        sessions.events(peer, client).pipe(
          Stream.mapEffect((events) => peer.send(encodeEvents(events))),
          Stream.drain
        ))),
    EndSession: ({ session }) => Effect.map(clientOnly(accepted), () => sessions.end(session)),
    Status: () => status,
    Watch: () => Stream.unwrap(Effect.as(operatorOnly(accepted), watchers.watch)),
    Failure: ({ id }) => Effect.andThen(operatorOnly(accepted), watchers.failure(id))
  })
  /** The messages of a client are its commands. */
  const onMessage = (peer: Peer, bytes: Uint8Array) => {
    if (!isClient(accepted, peer)) return Effect.sync(() => peer.close())
    return Effect.try({ try: () => sessions.onCommands(peer, decodeCommands(bytes)), catch: String }).pipe(
      Effect.catch((why) =>
        Effect.andThen(
          Effect.logWarning(`Closed the connection of ${peer.remoteAddress}: invalid commands: ${sanitizeForLog(why)}`),
          Effect.sync(() => {
            sessions.endOf(peer)
            peer.close()
          })
        )
      )
    )
  }
  yield* Effect.provide(
    RpcServer.serve(WorkerRpcs, server, { maxFrameSize: maxFrameSize(maxTaskBytes), onMessage }),
    handlers
  )

  const registration = yield* Scope.make()
  // Added after the connections, the threads and the port, so that it runs before they close.
  yield* Effect.addFinalizer(() => Effect.andThen(Scope.close(registration, Exit.void), drain))
  yield* Effect.logInfo(`Worker ${name} of group ${workerGroup} is listening, with ${slots} slots`)
  const runner = Runner.make({ address, groups: [workerGroup], weight: slots })
  yield* Scope.provide(registry.register(runner), registration)
  yield* Effect.logInfo(`Worker ${name} is registered`)
  return { scheduler }
})

/** An operator may read the state, and not run tasks. */
const isClient = (accepted: WeakSet<Peer>, peer: Peer): boolean =>
  accepted.has(peer) && (peer.identity === undefined || peer.identity.role === "client")

/** Without a secret the identity of a peer is unknown, and every peer of this host may. */
const operatorOnly = (accepted: WeakSet<Peer>) =>
  Effect.flatMap(
    currentPeer,
    (peer) =>
      accepted.has(peer) && (peer.identity === undefined || peer.identity.role === "operator")
        ? Effect.void
        : Effect.fail(new Refused())
  )

const clientOnly = (accepted: WeakSet<Peer>) =>
  Effect.flatMap(
    currentPeer,
    (peer) =>
      isClient(accepted, peer)
        ? Effect.succeed(peer)
        : Effect.die(new Error("only a client of the worker group may run tasks"))
  )

const refused = (peer: Peer, client: { readonly protocol: number; readonly version: string }) => {
  const theirs = `papyros ${sanitizeForLog(client.version)} (protocol ${client.protocol})`
  return Effect.logWarning(`Refused ${peer.remoteAddress}, which runs ${theirs}: this is protocol ${PROTOCOL}`)
}
