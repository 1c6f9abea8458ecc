/**
 * The connection of a client or a worker to the name server: opened with a version handshake, and opened again whenever
 * it is lost.
 *
 * Must stay true: no call is sent before the handshake has succeeded, and none moves from a lost connection to the next.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Scope from "effect/Scope"
import * as Address from "../../address.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import { VERSION } from "../../version.ts"
import * as Identity from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import {
  type Forbidden,
  MAX_NAME_SERVER_FRAME,
  NameServerRpcs,
  type OtherVersion,
  PROTOCOL
} from "../protocol/messages.ts"
import { backoff, spread } from "../transport/backoff.ts"
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
        RpcClient.orRefused,
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

/** How long the name server may take to tell all groups, in milliseconds: longer than its grace after a start. */
const GROUPS_TIMEOUT = 8000

/** All groups and their workers, for an operator. */
export const groups = (
  options: Omit<NameServerClientOptions, "identity">
): Effect.Effect<ReadonlyArray<{ readonly group: string; readonly members: ReadonlyArray<Runner> }>, RemoteError> =>
  Effect.scoped(Effect.flatMap(
    open({ ...options, identity: Identity.operator }),
    ({ client, toRemoteError }) => Effect.mapError(RpcClient.orRefused(client.Groups()), toRemoteError)
  )).pipe(Effect.timeoutOrElse({
    duration: GROUPS_TIMEOUT,
    orElse: () => {
      const message = `did not answer within ${GROUPS_TIMEOUT} ms`
      return Effect.fail(new RemoteError({ reason: new Unreachable({ address: Address.format(options), message }) }))
    }
  }))

// ----------------------------------------------------------------------------
// Reconnecting
// ----------------------------------------------------------------------------

/** The longest pause between two attempts to connect, in milliseconds. */
const MAX_DELAY = 1000

/** The longest pause after a connection was lost, in milliseconds: all processes lose theirs when the server ends. */
const SPREAD = 500

/**
 * Opens a connection and uses it, again and again: whenever it is lost or cannot be opened. Repetitions of one error are
 * logged once.
 */
export const keepConnected = <A>(
  open: Effect.Effect<A, RemoteError, Scope.Scope>,
  use: (connection: A) => Effect.Effect<unknown, RemoteError, Scope.Scope>,
  onFailure: (error: RemoteError) => void = () => {}
): Effect.Effect<never> =>
  Effect.suspend(() => {
    let logged: string | undefined
    const report = (error: RemoteError) =>
      Effect.suspend(() => {
        onFailure(error)
        const { message } = error
        if (message === logged) return Effect.void
        logged = message
        return Effect.logWarning(`${sanitizeForLog(message)}; trying again`)
      })
    // Succeeds when a connection is lost that could be used.
    const once = Effect.flatMap(open, (connection) =>
      Effect.matchEffect(use(connection), {
        onFailure: (error) => error.reason._tag === "Unreachable" ? Effect.void : Effect.fail(error),
        onSuccess: () => Effect.void
      })).pipe(Effect.scoped, Effect.tapError(report))
    return Effect.retry(once, backoff(MAX_DELAY)).pipe(
      Effect.andThen(() => {
        logged = undefined
        return spread(SPREAD)
      }),
      // The schedule never ends, so the error never gets here.
      Effect.orDie,
      Effect.forever
    )
  })
