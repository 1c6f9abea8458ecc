/**
 * From the address of a worker to a connection that is ready for tasks: opens the connection, exchanges the handshake,
 * and opens the stream of events.
 *
 * Must stay true: a worker of another protocol is refused before a task is sent to it.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as Stream from "effect/Stream"
import * as Address from "../../address.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import { VERSION } from "../../version.ts"
import type { Role } from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { maxFrameSize } from "../options.ts"
import { PROTOCOL, WorkerRpcs } from "../protocol/messages.ts"
import { decodeEvents, encodeCommands } from "../protocol/sessionMessages.ts"
import { connect, CONNECT_TIMEOUT } from "../transport/connect.ts"
import { RemoteError, Unreachable, VersionMismatch } from "../transport/error.ts"
import { HEARTBEAT_TIMEOUT } from "../transport/heartbeat.ts"
import * as RpcClient from "../transport/rpcClient.ts"
import { InvalidEvents, type Member } from "./member.ts"

export interface Credentials {
  readonly group: string
  readonly role: Role
  readonly secret: Secret | undefined
}

/** A connection for calls, and the worker's answer to the handshake. */
export const openRpc = Effect.fnUntraced(function*(
  { address: { host, port } }: Runner,
  { group, role, secret }: Credentials,
  maxTaskBytes: number
) {
  const connection = yield* connect({
    host,
    port,
    secret,
    identity: { role, group },
    connectTimeout: CONNECT_TIMEOUT,
    heartbeatTimeout: HEARTBEAT_TIMEOUT
  })
  let receive: ((bytes: Uint8Array) => Effect.Effect<void>) | undefined
  const rpc = yield* RpcClient.make(WorkerRpcs, connection, {
    maxFrameSize: maxFrameSize(maxTaskBytes),
    onMessage: (bytes) => receive === undefined ? Effect.void : receive(bytes)
  })
  const { address } = connection
  const unreachable = (message: string) => new RemoteError({ reason: new Unreachable({ address, message }) })
  const handshake = yield* rpc.client.Handshake({ protocol: PROTOCOL, version: VERSION }).pipe(
    RpcClient.orRefused,
    Effect.mapError((error: RpcClientError) => RpcClient.toRemoteError(connection, error)),
    Effect.timeoutOrElse({
      duration: CONNECT_TIMEOUT,
      orElse: () => Effect.fail(unreachable(`did not answer the handshake within ${CONNECT_TIMEOUT} ms`))
    })
  )
  if (handshake.protocol !== PROTOCOL) {
    const theirs = `papyros ${handshake.version} (protocol ${handshake.protocol})`
    const ours = `papyros ${VERSION} (protocol ${PROTOCOL})`
    return yield* new RemoteError({
      reason: new VersionMismatch({ address, message: `runs ${theirs}, and this is ${ours}: update the older one` })
    })
  }
  return {
    handshake: { ...handshake, worker: sanitizeForLog(handshake.worker) },
    rpc,
    bytes: connection.bytes,
    isSilent: connection.isSilent,
    /** Must be called before there can be a message. */
    onMessage: (handle: (bytes: Uint8Array) => Effect.Effect<void>) => {
      receive = handle
    }
  }
})

/** A worker at an address. */
export const memberOf = (runner: Runner, options: Omit<Credentials, "role">, maxTaskBytes: number): Member => ({
  address: Address.format(runner.address),
  connect: Effect.map(
    openRpc(runner, { ...options, role: "client" }, maxTaskBytes),
    ({ bytes, handshake, isSilent, onMessage, rpc }) => ({
      handshake,
      bytes,
      isSilent,
      closed: rpc.closed,
      events: (session, onEvents) =>
        Effect.suspend(() => {
          const invalid = Deferred.makeUnsafe<never, InvalidEvents>()
          onMessage((bytes) =>
            Effect.try({ try: () => decodeEvents(bytes), catch: (error) => new InvalidEvents(error) }).pipe(
              Effect.flatMap(onEvents),
              Effect.catch((error) => {
                onMessage(() => Effect.void)
                return Effect.asVoid(Deferred.fail(invalid, error))
              })
            )
          )
          const stream = RpcClient.orRefused(Stream.runDrain(rpc.client.Events({ ...session, maxTaskBytes })))
          return Effect.raceAllFirst([stream, Deferred.await(invalid), Effect.asVoid(rpc.closed)])
        }),
      end: (session) => rpc.client.EndSession({ session }),
      send: (commands) => rpc.send(encodeCommands(commands))
    })
  )
})
