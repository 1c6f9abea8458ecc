/**
 * The name server: knows the workers of each group for as long as their connections
 * are open, and keeps nothing. So after a start it answers only when those that were
 * registered before could have come back: an early answer would tell clients that
 * their workers are gone.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as RpcSchema from "effect/rpc/RpcSchema"
import type * as Scope from "effect/Scope"
import type * as SocketServer from "effect/socket/SocketServer"
import * as Stream from "effect/Stream"
import type { Identity } from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { PROTOCOL } from "../protocol/messages.ts"
import { VERSION } from "../protocol/version.ts"
import * as Address from "../transport/address.ts"
import { listen, type NotLoopback } from "../transport/listen.ts"
import * as Peer from "../transport/peer.ts"
import * as RpcServer from "../transport/rpcServer.ts"
import { sanitizeForLog } from "../transport/sanitize.ts"
import { HEARTBEAT_TIMEOUT } from "../transport/timeouts.ts"
import { Registrations } from "./registrations.ts"
import { Forbidden, MAX_FRAME, NameServerRpcs, OtherVersion } from "./rpcs.ts"

export interface NameServerOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly secret: Secret | undefined
  /** How long after its start nothing is said of workers, in milliseconds. Default 2000. */
  readonly grace?: number | undefined
  /** How long a peer may say nothing, in milliseconds. Default 8000. */
  readonly silence?: number | undefined
}

const GRACE = 2000

/** Serves until its scope ends. */
export const serve: (options: NameServerOptions) => Effect.Effect<
  { readonly address: NetAddress.SocketAddress },
  SocketServer.SocketServerError | NotLoopback,
  Scope.Scope
> = Effect.fnUntraced(function*({ grace = GRACE, host, port, secret, silence = HEARTBEAT_TIMEOUT }) {
  const server = yield* listen({ host, port, secret, silence, accepts: () => true })
  const registrations = new Registrations()
  const settled = yield* Latch.make()
  yield* Effect.forkScoped(Effect.andThen(Effect.sleep(grace), settled.open))

  let stopping = false
  const handlers = yield* Layer.build(NameServerRpcs.toLayer(makeHandlers(registrations, settled, () => stopping)))
  yield* Effect.provideContext(RpcServer.serve(NameServerRpcs, server, { maxFrameSize: MAX_FRAME }), handlers)
  // Runs before the connections are closed.
  yield* Effect.addFinalizer(() => Effect.sync(() => stopping = true))

  const { address } = server
  const trust = secret === undefined ? " without a secret: every user of this host is trusted" : ""
  yield* Effect.logInfo(`Name server listening on ${NetAddress.formatSocketAddress(address)}${trust}`)
  return { address }
})

const makeHandlers = (registrations: Registrations, settled: Latch.Latch, isStopping: () => boolean) => {
  /** Those that have said Hello. */
  const greeted = new WeakSet<Peer.Peer["Service"]>()

  /** Fails unless whoever calls may. Without TLS nobody knows who it is. */
  const check = (may: (identity: Identity) => boolean): Effect.Effect<void, Forbidden> =>
    Effect.flatMap(Peer.current, (peer) => {
      const allowed = greeted.has(peer) && (peer.identity === undefined || may(peer.identity))
      return allowed ? Effect.void : Effect.fail(new Forbidden())
    })

  const attach = (group: string, runner: Runner) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const registration = registrations.add(group, runner)
        const how = registration.again ? "registered again" : "registered"
        return Effect.as(
          Effect.logInfo(`Worker ${describe(runner)} of group ${sanitizeForLog(group)} ${how}`),
          registration
        )
      }),
      ({ end }, exit) =>
        Effect.suspend(() =>
          end() && !isStopping()
            ? Effect.logInfo(
              `Worker ${describe(runner)} of group ${sanitizeForLog(group)} ${hasLeft(exit) ? "has left" : "is lost"}`
            )
            : Effect.void
        )
    )

  return NameServerRpcs.of({
    Hello: ({ protocol }) =>
      Effect.flatMap(Peer.current, (peer) => {
        if (protocol !== PROTOCOL) return Effect.fail(new OtherVersion({ protocol: PROTOCOL, version: VERSION }))
        greeted.add(peer)
        return peer.authenticated
      }),
    Attach: ({ group, runner }) =>
      Stream.unwrap(
        check((peer) => peer.role === "worker" && peer.group === group).pipe(
          Effect.andThen(attach(group, runner)),
          Effect.as(Stream.concat(Stream.succeed<void>(undefined), Stream.never))
        )
      ),
    Members: ({ group }) =>
      check((peer) => peer.role === "operator" || peer.group === group).pipe(
        Effect.andThen(settled.await),
        Effect.map(() => registrations.members(group))
      ),
    Groups: () =>
      check((peer) => peer.role === "operator").pipe(
        Effect.andThen(settled.await),
        Effect.map(() => registrations.all)
      )
  })
}

/** Whether the worker has ended its registration itself, on a connection that goes on. */
const hasLeft = (exit: Exit.Exit<unknown, unknown>): boolean =>
  exit._tag === "Failure" && exit.cause.reasons.some(({ annotations }) => annotations.has(RpcSchema.ClientAbort.key))

const describe = ({ address, weight }: Runner): string =>
  `${sanitizeForLog(Address.format(address))} (${weight} ${weight === 1 ? "thread" : "threads"})`
