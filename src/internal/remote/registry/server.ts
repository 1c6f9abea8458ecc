/**
 * The name server. It knows the workers of each group while their connections are open, and stores nothing.
 *
 * Must stay true: no group sees another. Clients learn of changes at once, also after a restart: they keep the workers that
 * they knew before (`memberView.ts`). An operator knows no workers from before, and gets no answer before the end of the
 * grace period, in which the workers that were registered before can register again.
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
import * as Address from "../../address.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import { VERSION } from "../../version.ts"
import type { Identity } from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { Forbidden, MAX_NAME_SERVER_FRAME, NameServerRpcs, OtherVersion, PROTOCOL } from "../protocol/messages.ts"
import type { NotLoopback } from "../transport/error.ts"
import { HEARTBEAT_TIMEOUT } from "../transport/heartbeat.ts"
import { listen } from "../transport/listen.ts"
import { currentPeer, type Peer } from "../transport/peer.ts"
import * as RpcServer from "../transport/rpcServer.ts"
import { Registrations } from "./registrations.ts"

export interface NameServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly secret: Secret | undefined
  /** How long after its start it answers no question of an operator, in milliseconds. Default 2000. */
  readonly grace?: number | undefined
  /** How long a peer may send nothing, in milliseconds. Default 8000. */
  readonly heartbeatTimeout?: number | undefined
}

const GRACE = 2000

/** Serves until its scope ends. */
export const serve: (options: NameServerOptions) => Effect.Effect<
  {
    readonly address: NetAddress.SocketAddress
    /** The workers of each group at this moment. */
    readonly members: () => Registrations["all"]
  },
  SocketServer.SocketServerError | NotLoopback,
  Scope.Scope
> = Effect.fnUntraced(function*({ grace = GRACE, heartbeatTimeout = HEARTBEAT_TIMEOUT, host, port, secret }) {
  const server = yield* listen({ host, port, secret, heartbeatTimeout, accepts: () => true })
  const registrations = new Registrations()
  const settled = yield* Latch.make()
  yield* Effect.forkScoped(Effect.andThen(Effect.sleep(grace), settled.open))

  let stopping = false
  const handlers = yield* Layer.build(NameServerRpcs.toLayer(makeHandlers(registrations, settled, () => stopping)))
  const rpcOptions = { maxFrameSize: MAX_NAME_SERVER_FRAME }
  yield* Effect.provideContext(RpcServer.serve(NameServerRpcs, server, rpcOptions), handlers)
  // Runs before the connections are closed.
  yield* Effect.addFinalizer(() => Effect.sync(() => stopping = true))

  const { address } = server
  const trust = secret === undefined ? " without a secret: every user of this host is trusted" : ""
  yield* Effect.logInfo(`Name server listening on ${NetAddress.formatSocketAddress(address)}${trust}`)
  return { address, members: () => registrations.all }
})

const makeHandlers = (registrations: Registrations, settled: Latch.Latch, isStopping: () => boolean) => {
  /** The peers whose handshake has succeeded. */
  const accepted = new WeakSet<Peer>()

  /** Fails unless the peer may make the call. Without TLS its identity is unknown, and every peer may. */
  const check = (isAllowed: (identity: Identity) => boolean): Effect.Effect<void, Forbidden> =>
    Effect.flatMap(currentPeer, (peer) => {
      const allowed = accepted.has(peer) && (peer.identity === undefined || isAllowed(peer.identity))
      return allowed ? Effect.void : Effect.fail(new Forbidden())
    })

  const register = (group: string, runner: Runner, incarnation: string) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const registration = registrations.add(group, runner, incarnation)
        const worker = `Worker ${describe(runner)} of group ${sanitizeForLog(group)}`
        const log = registration.kind === "shadowed"
          ? Effect.logWarning(
            `${worker} registered, while another process is registered with the same address: clients reach only one ` +
              "of them. Give each worker an address of its own."
          )
          : Effect.logInfo(`${worker} registered${registration.kind === "again" ? " again" : ""}`)
        return Effect.as(log, registration)
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
    Handshake: ({ protocol }) =>
      Effect.flatMap(currentPeer, (peer) => {
        if (protocol !== PROTOCOL) return Effect.fail(new OtherVersion({ protocol: PROTOCOL, version: VERSION }))
        accepted.add(peer)
        return Effect.sync(() => peer.authenticate())
      }),
    Register: ({ group, incarnation, runner }) =>
      Stream.unwrap(
        check((identity) => identity.role === "worker" && identity.group === group).pipe(
          Effect.andThen(register(group, runner, incarnation)),
          Effect.as(Stream.concat(Stream.succeed<void>(undefined), Stream.never))
        )
      ),
    Watch: ({ group }) =>
      Stream.unwrap(Effect.as(
        check((identity) => identity.role === "operator" || identity.group === group),
        registrations.watch(group)
      )),
    Groups: () =>
      check((identity) => identity.role === "operator").pipe(
        Effect.andThen(settled.await),
        Effect.map(() => registrations.all)
      )
  })
}

/** Whether the worker has ended its registration itself, on a connection that stays open. */
const hasLeft = (exit: Exit.Exit<unknown, unknown>): boolean =>
  exit._tag === "Failure" && exit.cause.reasons.some(({ annotations }) => annotations.has(RpcSchema.ClientAbort.key))

const describe = ({ address, weight }: Runner): string =>
  `${sanitizeForLog(Address.format(address))} (${weight} ${weight === 1 ? "thread" : "threads"})`
