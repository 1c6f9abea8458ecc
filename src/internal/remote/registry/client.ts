/** A connection to the name server on which it has said that it is one, of this version. */
import type { Runner } from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as Scope from "effect/Scope"
import * as Identity from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { PROTOCOL } from "../protocol/messages.ts"
import { VERSION } from "../protocol/version.ts"
import { connect, refusal } from "../transport/connect.ts"
import { RemoteError, Unauthorized, Unreachable, VersionMismatch } from "../transport/error.ts"
import * as RpcClient from "../transport/rpcClient.ts"
import { CONNECT_TIMEOUT, HEARTBEAT_TIMEOUT } from "../transport/timeouts.ts"
import { type Forbidden, MAX_FRAME, NameServerRpcs, type OtherVersion } from "./rpcs.ts"

export interface NameServerClientOptions {
  readonly host: string
  readonly port: number
  readonly secret: Secret | undefined
  readonly identity: Identity.Identity
  /** How long opening it may take, in milliseconds. Default 5000. */
  readonly openTimeout?: number | undefined
  /** How long the name server may say nothing, in milliseconds. Default 8000. */
  readonly silence?: number | undefined
  /** Milliseconds. Default 2000. */
  readonly pingInterval?: number | undefined
}

export interface NameServerClient
  extends Pick<RpcClient.Link<RpcGroup.Rpcs<typeof NameServerRpcs>>, "client" | "closed">
{
  /** What the failure of a call means. */
  readonly explain: (error: RpcClientError | Forbidden | OtherVersion) => RemoteError
}

export const open: (options: NameServerClientOptions) => Effect.Effect<NameServerClient, RemoteError, Scope.Scope> =
  Effect.fnUntraced(
    function*({ openTimeout = CONNECT_TIMEOUT, pingInterval, silence = HEARTBEAT_TIMEOUT, ...options }) {
      const connection = yield* connect({ ...options, openTimeout, silence })
      const { client, closed } = yield* RpcClient.make(NameServerRpcs, connection, {
        maxFrameSize: MAX_FRAME,
        pingInterval
      })
      const { address } = connection
      const explain = (error: RpcClientError | Forbidden | OtherVersion): RemoteError => {
        switch (error._tag) {
          case "RpcClientError":
            return RpcClient.toRemoteError(connection, error)
          case "Forbidden":
            return new RemoteError({ reason: new Unauthorized({ address, message: refusal(options.identity) }) })
          case "OtherVersion": {
            const theirs = `papyros ${error.version} (protocol ${error.protocol})`
            const message =
              `runs ${theirs}, and this is papyros ${VERSION} (protocol ${PROTOCOL}): update the older one`
            return new RemoteError({ reason: new VersionMismatch({ address, message }) })
          }
        }
      }
      yield* client.Hello({ protocol: PROTOCOL, version: VERSION }).pipe(
        Effect.mapError(explain),
        Effect.timeoutOrElse({
          duration: openTimeout,
          orElse: () => {
            const message = `did not say anything within ${openTimeout} ms`
            return Effect.fail(new RemoteError({ reason: new Unreachable({ address, message }) }))
          }
        })
      )
      return { client, closed, explain }
    }
  )

/** All groups and their workers, for an operator. */
export const groups = (
  options: Omit<NameServerClientOptions, "identity">
): Effect.Effect<ReadonlyArray<{ readonly group: string; readonly members: ReadonlyArray<Runner> }>, RemoteError> =>
  Effect.scoped(Effect.flatMap(
    open({ ...options, identity: Identity.operator }),
    ({ client, explain }) => Effect.mapError(client.Groups(), explain)
  ))
