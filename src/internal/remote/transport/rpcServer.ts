/**
 * Answers calls on the connections of a `Listen`. Unlike the protocol that effect/rpc
 * brings it knows no acks, which would cost a round trip per element of a stream, and
 * whoever sends what cannot be read is disconnected, and not answered.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import * as Peer from "./peer.ts"

export interface RpcServerOptions {
  /** Bytes. What is larger is not read, and ends the connection. */
  readonly maxFrameSize: number
}

/** Answers until the scope ends. Handlers have the `Peer` in their context. */
export const serve = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  server: SocketServer.SocketServer["Service"],
  options: RpcServerOptions
): Effect.Effect<void, never, Scope.Scope | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs>> =>
  Effect.gen(function*() {
    const { closeAll, protocol } = yield* makeProtocol(server)
    // A handler that dies has nothing to do with the other calls of its connection.
    yield* RpcServer.make(group, { disableFatalDefects: true }).pipe(
      Effect.provideService(RpcServer.Protocol, protocol),
      Effect.forkScoped
    )
    // First of all: who still waits for an answer is to see a connection that is lost, and not that its call was
    // interrupted, which it could not tell from an interruption of its own.
    yield* Effect.addFinalizer(() => closeAll)
  }).pipe(Effect.provide(RpcSerialization.layerSchemaBinary({ maxFrameSize: options.maxFrameSize })))

const makeProtocol = Effect.fnUntraced(function*(server: SocketServer.SocketServer["Service"]) {
  const serialization = yield* RpcSerialization.RpcSerialization
  const disconnects = yield* Queue.make<number>()
  const clients = new Map<number, {
    readonly send: (message: FromServerEncoded) => Effect.Effect<void, Socket.SocketError>
    readonly close: Effect.Effect<void>
  }>()
  let nextId = 0

  const closeAll = Effect.suspend(() => {
    const all = Array.from(clients.values())
    clients.clear()
    return Effect.forEach(all, ({ close }) => close, { discard: true })
  })

  const protocol = yield* RpcServer.Protocol.make((handle) => {
    const connected = Effect.fnUntraced(function*(socket: Socket.Socket) {
      const parser = serialization.makeUnsafe()
      const writer = yield* socket.writer
      const { pull } = yield* socket.reader
      const { close, isClosed } = yield* Peer.current
      const id = nextId++
      // A socket that has ended would wait for ever for room, and nobody would hear that it has.
      const send = (message: FromServerEncoded) =>
        Effect.suspend(() => isClosed() ? Effect.void : writer.write(parser.encode(message)!))
      yield* Effect.acquireRelease(
        Effect.sync(() => clients.set(id, { send, close })),
        () => Effect.andThen(Effect.sync(() => clients.delete(id)), Queue.offer(disconnects, id))
      )
      let first = true
      while (true) {
        for (const bytes of yield* pull) {
          const decoded = Result.try(() => parser.decode(bytes as Uint8Array) as ReadonlyArray<FromClientEncoded>)
          if (Result.isFailure(decoded)) {
            if (first && isTls(bytes)) yield* writer.write(HANDSHAKE_FAILURE)
            return
          }
          first = false
          for (const message of decoded.success) yield* handle(id, message)
        }
      }
    })
    return Effect.as(Effect.forkScoped(server.run((socket) => Effect.scoped(connected(socket)))), {
      disconnects,
      codecFor: serialization.codecFor,
      // Who has gone needs no answer: its calls are being interrupted.
      send: (clientId: number, message: FromServerEncoded) =>
        Effect.ignore(Effect.suspend(() => clients.get(clientId)?.send(message) ?? Effect.void)),
      end: () => Effect.void,
      clientIds: Effect.sync(() => new Set(clients.keys())),
      initialMessage: Effect.succeedNone,
      supportsAck: false,
      supportsTransferables: false,
      supportsSpanPropagation: true,
      supportsNotifications: true
    })
  })
  return { protocol, closeAll }
})

/** The start of a TLS handshake: who has a secret has come to a server without one, and is to know it. */
const isTls = (bytes: Uint8Array | string): boolean => bytes[0] === 0x16 && bytes[1] === 0x03

/** The TLS alert that says so. */
const HANDSHAKE_FAILURE = new Uint8Array([0x15, 0x03, 0x03, 0, 2, 2, 40])
