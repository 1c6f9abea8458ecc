/**
 * Calls and messages over one connection, until it is lost. Unlike the protocol of effect/rpc it opens no other connection, because
 * callers have to act on the loss. It has no acks, which cost a round trip per element of a stream: the socket holds a
 * sender back.
 *
 * Must stay true: once the connection is lost, every call fails, also one that waits for the socket.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import { constPing, type FromClientEncoded, type FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { type Connection, refusal } from "./connect.ts"
import { RemoteError, Unauthorized, Unreachable, VersionMismatch } from "./error.ts"
import { FrameReader, handleAll, messageOf } from "./frames.ts"
import { PING_INTERVAL } from "./heartbeat.ts"
import * as TlsRecord from "./tlsRecord.ts"

export interface RpcClientOptions {
  /** Bytes. A larger frame is not read, and ends the connection. */
  readonly maxFrameSize: number
  /** Milliseconds. Default 2000. */
  readonly pingInterval?: number | undefined
  /**
   * Handles a message, whose bytes are valid until the Effect completes. Nothing more is received meanwhile. By default a
   * message ends the connection.
   */
  readonly onMessage?: ((bytes: Uint8Array) => Effect.Effect<void>) | undefined
}

export interface RpcConnection<Rpcs extends Rpc.Any> {
  readonly client: RpcClient.RpcClient<Rpcs, RpcClientError>
  /** Sends a message; completes when the socket can take more. */
  readonly send: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void, RpcClientError>
  /** Completes with the reason when the connection is lost. All calls fail from then on. */
  readonly closed: Effect.Effect<string>
}

/** The schemas of the calls must need no services. */
export const make = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  connection: Connection,
  options: RpcClientOptions
): Effect.Effect<RpcConnection<Rpcs>, never, Scope.Scope | Rpc.MiddlewareClient<Rpcs>> =>
  Effect.gen(function*() {
    const { codecFor, makeUnsafe } = yield* RpcSerialization.RpcSerialization
    const onMessage = options.onMessage ?? refuseMessage
    const parser = makeUnsafe()
    const lost = Deferred.makeUnsafe<never, RpcClientError>()
    const writer = yield* connection.socket.writer

    const write = (message: FromClientEncoded): Effect.Effect<void, RpcClientError> =>
      Effect.suspend(() => {
        // A write to an ended socket never completes.
        if (connection.isClosed()) return Deferred.await(lost)
        return Effect.mapError(writer.write(parser.encode(message)!), fromSocketError)
      })

    const send = (parts: ReadonlyArray<Uint8Array>): Effect.Effect<void, RpcClientError> =>
      Effect.suspend(() => {
        if (connection.isClosed()) return Deferred.await(lost)
        const [first, ...rest] = messageOf(parts)
        return Effect.mapError(writer.writeAll([first, ...rest]), fromSocketError)
      })

    const protocol = yield* RpcClient.Protocol.make((respond, clientIds) => {
      // There is at most one client: none before `RpcClient.make` has started.
      const deliver = (message: FromServerEncoded): Effect.Effect<void> => {
        const [clientId] = clientIds
        return message._tag === "Pong" || clientId === undefined ? Effect.void : respond(clientId, message)
      }

      const frames = new FrameReader(options.maxFrameSize)
      let first = true
      const handleFrames = Effect.mapError(
        handleAll(frames, ({ bytes, isMessage }) => {
          if (isMessage) return onMessage(bytes)
          const messages = parser.decode(bytes) as ReadonlyArray<FromServerEncoded>
          return messages.length === 1 ? deliver(messages[0]) : Effect.forEach(messages, deliver, { discard: true })
        }),
        unreadable
      )
      const receive = (bytes: Uint8Array): Effect.Effect<void, RpcClientError> => {
        if (first && TlsRecord.isAlert(bytes)) return Effect.fail(refused)
        first = false
        frames.add(bytes)
        return handleFrames
      }

      const read = Effect.gen(function*() {
        const { pull } = yield* connection.socket.reader
        const next = Effect.mapError(pull, fromSocketError)
        while (true) {
          for (const bytes of yield* next) yield* receive(bytes as Uint8Array)
        }
      }).pipe(
        Effect.mapError((error) => error._tag === "SocketError" ? fromSocketError(error) : error),
        Effect.catch((error) =>
          connection.close.pipe(
            Effect.andThen(Deferred.fail(lost, error)),
            Effect.andThen(deliver({ _tag: "ClientProtocolError", error })),
            Effect.uninterruptible
          )
        )
      )

      const ping = Effect.ignore(Effect.forever(
        Effect.andThen(Effect.sleep(options.pingInterval ?? PING_INTERVAL), write(constPing))
      ))

      return Effect.as(Effect.andThen(Effect.forkScoped(read), Effect.forkScoped(ping)), {
        codecFor,
        send: (_clientId: number, message: FromClientEncoded) => write(message),
        supportsAck: false,
        supportsTransferables: false
      })
    })

    const client = yield* Effect.provideService(
      RpcClient.make(group, { disableTracing: true }),
      RpcClient.Protocol,
      protocol
    )
    // Messages that wait for the socket, such as the interruption of a call, fail instead of waiting.
    yield* Effect.addFinalizer(() => Deferred.fail(lost, fromSocketError(ended)))

    return {
      client,
      send,
      closed: Effect.flatMap(
        Effect.flip(Deferred.await(lost)),
        ({ reason }) =>
          reason._tag === "RpcClientDefect"
            ? Effect.succeed(`${reason.message}: ${String(reason.cause)}`)
            : connection.closed
      )
    } satisfies RpcConnection<Rpcs>
  }).pipe(Effect.provide(RpcSerialization.layerSchemaBinary({ maxFrameSize: options.maxFrameSize })))

const ended = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) })

const refuseMessage = (): never => {
  throw new Error("a message without a session")
}

const fromSocketError = ({ reason }: Socket.SocketError): RpcClientError => new RpcClientError({ reason })

const unreadable = (cause: unknown): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: "The peer sent an unreadable message", cause }) })

/** A server that requires a secret was called without one. */
const refused = new RpcClientError({
  reason: new RpcClientDefect({ message: "The peer requires a secret", cause: null })
})

/**
 * A call whose defects and interruptions are errors. All of them are the peer's: it has sent them, or an answer that does
 * not have the form of its schema. The interruption of the caller is not concerned.
 */
export const orRefused = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E | RpcClientError, R> =>
  Effect.catchCause(
    call,
    (cause): Effect.Effect<never, E | RpcClientError> =>
      Cause.hasFails(cause) ? Effect.failCause(cause) : Effect.fail(unreadable(Cause.squash(cause)))
  )

/** The `RemoteError` of a call that failed because the connection was lost. */
export const toRemoteError = (connection: Connection, { reason }: RpcClientError): RemoteError => {
  const { address, identity } = connection
  if (reason === refused.reason) {
    return new RemoteError({ reason: new Unauthorized({ address, message: refusal(identity) }) })
  }
  if (reason._tag === "RpcClientDefect") {
    return new RemoteError({
      reason: new VersionMismatch({ address, message: "does not speak the protocol of this papyros version" })
    })
  }
  return new RemoteError({ reason: new Unreachable({ address, message: "the connection was lost" }) })
}
