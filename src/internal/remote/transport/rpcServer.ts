/**
 * Answers calls, and receives and sends messages, on the connections of `listen`. Unlike the protocol of effect/rpc it
 * has no acks, which cost a round trip per element of a stream, and it disconnects a peer that sends an unreadable frame
 * instead of answering it.
 *
 * Must stay true: all connections are closed before calls are interrupted, so that a caller sees a lost connection and
 * not an interruption, which it could not tell from its own.
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
import { sanitizeForLog } from "../../sanitize.ts"
import { FrameReader, handleAll, messageOf } from "./frames.ts"
import { currentPeer, type Peer } from "./peer.ts"
import * as TlsRecord from "./tlsRecord.ts"

export interface RpcServerOptions {
  /** Bytes. A larger frame is not read, and ends the connection. */
  readonly maxFrameSize: number
  /**
   * Handles a message, whose bytes are valid until the Effect completes. Nothing more is received of the peer meanwhile.
   * By default a message ends the connection.
   */
  readonly onMessage?: ((peer: Peer, bytes: Uint8Array) => Effect.Effect<void>) | undefined
}

/** Answers until the scope ends. Handlers have the `CurrentPeer` in their context. */
export const serve = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  server: SocketServer.SocketServer["Service"],
  options: RpcServerOptions
): Effect.Effect<void, never, Scope.Scope | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs>> =>
  Effect.gen(function*() {
    const { closeAll, protocol } = yield* makeProtocol(server, options)
    // The defect of one handler does not concern the other calls of its connection.
    yield* RpcServer.make(group, { disableFatalDefects: true, disableTracing: true }).pipe(
      Effect.provideService(RpcServer.Protocol, protocol),
      Effect.forkScoped
    )
    // The last finalizer that is added runs first.
    yield* Effect.addFinalizer(() => closeAll)
  }).pipe(Effect.provide(RpcSerialization.layerSchemaBinary({ maxFrameSize: options.maxFrameSize })))

const makeProtocol = Effect.fnUntraced(function*(
  server: SocketServer.SocketServer["Service"],
  { maxFrameSize, onMessage = refuseMessage }: RpcServerOptions
) {
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
      const peer = yield* currentPeer
      const id = nextId++
      // A write to an ended socket never completes.
      const send = (message: FromServerEncoded) =>
        Effect.suspend(() => peer.isClosed ? Effect.void : writer.write(parser.encode(message)!))
      yield* Effect.acquireRelease(
        Effect.sync(() => clients.set(id, { send, close: Effect.sync(() => peer.close()) })),
        () => Effect.andThen(Effect.sync(() => clients.delete(id)), Queue.offer(disconnects, id))
      )
      peer.sendsBy((parts) => {
        const [first, ...rest] = messageOf(parts)
        return Effect.ignore(writer.writeAll([first, ...rest]))
      })
      const frames = new FrameReader(maxFrameSize)
      let first = true
      const handleFrames = handleAll(frames, (frame) => {
        if (frame.isMessage) return onMessage(peer, frame.bytes)
        const messages = parser.decode(frame.bytes) as ReadonlyArray<FromClientEncoded>
        first = false
        return Effect.forEach(messages, (message) => handle(id, message), { discard: true })
      })
      while (true) {
        for (const bytes of yield* pull) {
          frames.add(bytes as Uint8Array)
          const handled = yield* Effect.result(handleFrames)
          if (Result.isFailure(handled)) {
            if (first && TlsRecord.isHandshake(bytes as Uint8Array)) yield* writer.write(TlsRecord.HANDSHAKE_FAILURE)
            else if (peer.state === "authenticated") {
              const why = sanitizeForLog(String(handled.failure))
              yield* Effect.logWarning(`Closed the connection of ${peer.remoteAddress}: unreadable message: ${why}`)
              peer.close()
            }
            return
          }
        }
      }
    })
    return Effect.as(Effect.forkScoped(server.run((socket) => Effect.scoped(connected(socket)))), {
      disconnects,
      codecFor: serialization.codecFor,
      // A client that has gone needs no answer: its calls are being interrupted.
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

const refuseMessage = (): never => {
  throw new Error("a message without a session")
}
