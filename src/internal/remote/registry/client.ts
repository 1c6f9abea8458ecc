/**
 * The connection of a client or a worker to the name server: opened with a version handshake, and opened again whenever
 * it is lost.
 *
 * Must stay true: a call waits only for an attempt in progress, and never moves from a lost connection to the next. No
 * call is sent before the handshake has succeeded.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Scope from "effect/Scope"
import { sanitizeForLog } from "../../sanitize.ts"
import * as Identity from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import {
  type Forbidden,
  MAX_NAME_SERVER_FRAME,
  NameServerRpcs,
  type OtherVersion,
  PROTOCOL,
  VERSION
} from "../protocol/messages.ts"
import { connect, CONNECT_TIMEOUT, refusal } from "../transport/connect.ts"
import { RemoteError, Unauthorized, Unreachable, VersionMismatch } from "../transport/error.ts"
import { HEARTBEAT_TIMEOUT } from "../transport/heartbeat.ts"
import * as RpcClient from "../transport/rpcClient.ts"

export interface NameServerClientOptions {
  readonly host: string
  readonly port: number
  readonly secret: Secret | undefined
  readonly identity: Identity.Identity
  /** How long opening the connection may take, in milliseconds. Default 5000. */
  readonly connectTimeout?: number | undefined
  /** How long the name server may send nothing, in milliseconds. Default 8000. */
  readonly heartbeatTimeout?: number | undefined
  /** Milliseconds. Default 2000. */
  readonly pingInterval?: number | undefined
}

export interface NameServerClient
  extends Pick<RpcClient.RpcConnection<RpcGroup.Rpcs<typeof NameServerRpcs>>, "client" | "closed">
{
  /** The `RemoteError` of a failed call. */
  readonly toRemoteError: (error: RpcClientError | Forbidden | OtherVersion) => RemoteError
}

/** One connection, on which the handshake has succeeded. */
export const open: (options: NameServerClientOptions) => Effect.Effect<NameServerClient, RemoteError, Scope.Scope> =
  Effect.fnUntraced(
    function*({
      connectTimeout = CONNECT_TIMEOUT,
      heartbeatTimeout = HEARTBEAT_TIMEOUT,
      pingInterval,
      ...options
    }) {
      const connection = yield* connect({ ...options, connectTimeout, heartbeatTimeout })
      const { client, closed } = yield* RpcClient.make(NameServerRpcs, connection, {
        maxFrameSize: MAX_NAME_SERVER_FRAME,
        pingInterval
      })
      const { address } = connection
      const toRemoteError = (error: RpcClientError | Forbidden | OtherVersion): RemoteError => {
        switch (error._tag) {
          case "RpcClientError":
            return RpcClient.toRemoteError(connection, error)
          case "Forbidden":
            return new RemoteError({ reason: new Unauthorized({ address, message: refusal(options.identity) }) })
          case "OtherVersion": {
            const theirs = `papyros ${error.version} (protocol ${error.protocol})`
            const ours = `papyros ${VERSION} (protocol ${PROTOCOL})`
            const message = `runs ${theirs}, and this is ${ours}: update the older one`
            return new RemoteError({ reason: new VersionMismatch({ address, message }) })
          }
        }
      }
      yield* client.Handshake({ protocol: PROTOCOL, version: VERSION }).pipe(
        Effect.mapError(toRemoteError),
        Effect.timeoutOrElse({
          duration: connectTimeout,
          orElse: () => {
            const message = `did not answer the handshake within ${connectTimeout} ms`
            return Effect.fail(new RemoteError({ reason: new Unreachable({ address, message }) }))
          }
        })
      )
      return { client, closed, toRemoteError }
    }
  )

/** All groups and their workers, for an operator. */
export const groups = (
  options: Omit<NameServerClientOptions, "identity">
): Effect.Effect<ReadonlyArray<{ readonly group: string; readonly members: ReadonlyArray<Runner> }>, RemoteError> =>
  Effect.scoped(Effect.flatMap(
    open({ ...options, identity: Identity.operator }),
    ({ client, toRemoteError }) => Effect.mapError(client.Groups(), toRemoteError)
  ))

// ----------------------------------------------------------------------------
// Reconnecting
// ----------------------------------------------------------------------------

/** The first and the longest time between two attempts, in milliseconds; it doubles in between. */
const FIRST_DELAY = 100
const MAX_DELAY = 1000

/**
 * Opens the connection again whenever it is lost, until the scope ends. The returned Effect waits for the attempt in
 * progress; between two attempts it fails as the last one did. Repetitions of one error are logged once.
 */
export const reconnecting = Effect.fnUntraced(function*<
  A extends { readonly closed: Effect.Effect<unknown> },
  E extends { readonly message: string }
>(open: Effect.Effect<A, E, Scope.Scope>): Effect.fn.Return<Effect.Effect<A, E>, never, Scope.Scope> {
  let attempt = Deferred.makeUnsafe<A, E>()
  let delay = FIRST_DELAY
  let logged: string | undefined

  const once = Effect.gen(function*() {
    if (Deferred.isDoneUnsafe(attempt)) attempt = Deferred.makeUnsafe()
    const result = yield* Effect.result(open).pipe(
      Effect.onExit((exit) => Exit.isFailure(exit) ? Deferred.failCause(attempt, exit.cause) : Effect.void)
    )
    if (result._tag === "Success") {
      delay = FIRST_DELAY
      logged = undefined
      yield* Deferred.succeed(attempt, result.success)
      yield* result.success.closed
      // Later calls wait for the next connection.
      attempt = Deferred.makeUnsafe()
      return
    }
    const { message } = result.failure
    yield* Deferred.fail(attempt, result.failure)
    if (message !== logged) yield* Effect.logWarning(`${sanitizeForLog(message)}; trying again`)
    logged = message
  }).pipe(Effect.scoped)

  const wait = Effect.suspend(() => {
    const millis = delay
    delay = Math.min(2 * delay, MAX_DELAY)
    return Effect.sleep(millis)
  })

  yield* Effect.forkScoped(Effect.forever(Effect.andThen(once, wait)))
  return Effect.suspend(() => Deferred.await(attempt))
})
