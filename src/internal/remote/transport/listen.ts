/**
 * A `SocketServer` for peers that have the secret; without a secret, for this machine only. `NodeSocketServer` has no
 * hook for the identity of a peer, nor for limits on unauthenticated connections. Each connection is handled with its
 * `CurrentPeer` in the context.
 *
 * Must stay true: without TLS a connection stays pending, with its limits, until a handler calls `Peer.authenticate`.
 * A client therefore waits for the answer to its first request before it sends more.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import * as Dns from "node:dns"
import type * as Net from "node:net"
import * as Os from "node:os"
import * as Address from "../../address.ts"
import { Acceptor, type AcceptorOptions } from "./acceptor.ts"
import { NotLoopback } from "./error.ts"
import { CurrentPeer, type Peer } from "./peer.ts"

export interface ListenOptions extends AcceptorOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export const listen: (options: ListenOptions) => Effect.Effect<
  SocketServer.SocketServer["Service"],
  SocketServer.SocketServerError | NotLoopback,
  Scope.Scope
> = Effect.fnUntraced(function*(options: ListenOptions) {
  const host = yield* lookup(options.host)
  if (options.secret === undefined && !Address.isLoopback(host.address)) {
    return yield* new NotLoopback({ host: options.host })
  }
  const acceptor = yield* Effect.acquireRelease(
    Effect.sync(() => new Acceptor(options)),
    (acceptor) => Effect.callback<void>((resume) => acceptor.close(() => resume(Effect.void)))
  )
  const address = yield* bind(acceptor.server, host.address, options.port)

  const run = <R, E, _>(handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>) =>
    Effect.scoped(Effect.gen(function*() {
      const fork = yield* FiberSet.makeRuntime<R>()
      yield* Effect.acquireRelease(
        Effect.sync(() => acceptor.open((peer) => fork(serve(peer, handler)))),
        (close) => Effect.sync(close)
      )
      return yield* Effect.never
    }))

  return SocketServer.SocketServer.of({ address, run })
})

const failed = (cause: unknown) =>
  new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerOpenError({ cause }) })

const lookup = (host: string): Effect.Effect<Dns.LookupAddress, SocketServer.SocketServerError> =>
  Effect.callback((resume) =>
    Dns.lookup(
      host,
      (error, address, family) =>
        resume(error === null ? Effect.succeed({ address, family }) : Effect.fail(failed(error)))
    )
  )

const bind = (server: Net.Server, host: string, port: number) =>
  Effect.flatMap(
    Effect.callback<Net.AddressInfo, SocketServer.SocketServerError>((resume) => {
      // After `listening`, an error concerns one connection that could not be accepted.
      server.on("error", (error) => resume(Effect.fail(failed(error))))
      server.listen({ host, port }, () => resume(Effect.succeed(server.address() as Net.AddressInfo)))
    }),
    ({ address, port }) =>
      Effect.try({ try: () => NetAddress.inetAddressFromNativeUnsafe(address, port, zones()), catch: failed })
  )

/** The number of each network interface, by which an IPv6 address names its zone. */
const zones = (): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(Os.networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses.flatMap((one) => one.family === "IPv6" ? [[name, one.scopeid] as const] : [])
    ).filter(([, zone]) => zone > 0)
  )

/** The failure of one connection ends that connection only. */
const serve = <A, E, R>(
  peer: Peer,
  handler: (socket: Socket.Socket) => Effect.Effect<A, E, R>
): Effect.Effect<void, never, Exclude<R, CurrentPeer>> => {
  const { duplex, identity } = peer
  const open = Effect.acquireRelease(
    Effect.suspend(() => duplex.destroyed ? Effect.fail(closed(1006)) : Effect.succeed(duplex)),
    (duplex) => Effect.sync(() => duplex.destroy())
  )
  return NodeSocket.fromDuplex(open).pipe(
    Effect.flatMap((socket) => handler(identity === undefined ? bounded(socket, peer) : socket)),
    Effect.ensuring(Effect.sync(() => peer.close())),
    Effect.ignoreCause({ log: "Debug", message: "A connection ended" }),
    Effect.provideService(CurrentPeer, peer)
  )
}

/** Ends the connection of a pending peer that sends more than it may. */
const bounded = (socket: Socket.Socket, peer: Peer): Socket.Socket =>
  Socket.make({
    writer: socket.writer,
    reader: Effect.map(socket.reader, ({ pull, upgrade }) => ({
      upgrade,
      pull: Effect.flatMap(pull, (bytes) => {
        if (!peer.exceedsLimit) return Effect.succeed(bytes)
        peer.raw.destroy()
        return Effect.fail(closed(1009))
      })
    }))
  })

const closed = (code: number) => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })
