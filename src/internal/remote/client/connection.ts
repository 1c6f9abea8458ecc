/** From the address of a worker to a connection that is ready for tasks. */
import type { Runner } from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Role } from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { maxFrameSize } from "../options.ts"
import { PROTOCOL, WorkerRpcs } from "../protocol/messages.ts"
import * as Bytes from "../protocol/serialization.ts"
import { VERSION } from "../protocol/version.ts"
import { connect } from "../transport/connect.ts"
import { RemoteError, Unreachable, VersionMismatch } from "../transport/error.ts"
import * as RpcClient from "../transport/rpcClient.ts"
import { sanitizeForLog } from "../transport/sanitize.ts"
import { CONNECT_TIMEOUT, HEARTBEAT_TIMEOUT } from "../transport/timeouts.ts"
import type { Connection } from "./executor.ts"

export interface Credentials {
  readonly group: string
  readonly role: Role
  readonly secret: Secret | undefined
}

/** Calls of a worker that speaks this version, and how it has introduced itself. */
export const callWorker = Effect.fnUntraced(function*(
  { address: { host, port } }: Runner,
  { group, role, secret }: Credentials,
  maxTaskBytes: number
) {
  const connection = yield* connect({
    host,
    port,
    secret,
    identity: { role, group },
    openTimeout: CONNECT_TIMEOUT,
    silence: HEARTBEAT_TIMEOUT
  })
  const link = yield* RpcClient.make(WorkerRpcs, connection, { maxFrameSize: maxFrameSize(maxTaskBytes) })
  const { address } = connection
  const unreachable = (message: string) => new RemoteError({ reason: new Unreachable({ address, message }) })
  const welcome = yield* link.client.Hello({ protocol: PROTOCOL, version: VERSION }).pipe(
    Effect.mapError((error: RpcClientError) => RpcClient.toRemoteError(connection, error)),
    Effect.timeoutOrElse({
      duration: CONNECT_TIMEOUT,
      orElse: () => Effect.fail(unreachable(`said nothing for ${CONNECT_TIMEOUT} ms`))
    })
  )
  if (welcome.protocol !== PROTOCOL || welcome.format > Bytes.FORMAT) {
    const theirs = `papyros ${welcome.version} (protocol ${welcome.protocol}, values ${welcome.format})`
    const ours = `papyros ${VERSION} (protocol ${PROTOCOL}, values up to ${Bytes.FORMAT})`
    return yield* new RemoteError({
      reason: new VersionMismatch({ address, message: `runs ${theirs}, and this is ${ours}: update the older one` })
    })
  }
  return { welcome: { ...welcome, worker: sanitizeForLog(welcome.worker) }, link }
})

/** A worker that is ready for tasks. */
export const connectTo = (
  runner: Runner,
  options: Omit<Credentials, "role">,
  maxTaskBytes: number
): Effect.Effect<Connection, RemoteError, Scope.Scope> =>
  Effect.map(callWorker(runner, { ...options, role: "client" }, maxTaskBytes), ({ link, welcome }) => ({
    welcome,
    outcomes: Stream.interruptWhen(link.client.Outcomes({ maxTaskBytes }), link.closed),
    send: (orders) => link.notify("Send", orders)
  }))
