/**
 * A `SocketServer` for peers that have the secret; without one, for this machine
 * only. `NodeSocketServer` has no hook for what matters here: who a peer is, and what
 * a stranger may cost. Each connection is handled with its `Peer` in the context.
 *
 * What surprises: without TLS a connection is a stranger's until its handler says
 * `Peer.authenticated`, so whoever connects must wait for the answer to its first
 * request before it sends more.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import * as Dns from "node:dns"
import * as Net from "node:net"
import { type AcceptedConnection, Acceptor, type AcceptorOptions } from "./acceptor.ts"
import { Peer } from "./peer.ts"
import { MAX_UNAUTHENTICATED_BYTES, type UnauthenticatedConnections } from "./unauthenticated.ts"

export interface ListenOptions extends AcceptorOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
}

/** Without a secret, whoever can connect can run tasks. */
export class NotLoopback extends Schema.TaggedError<NotLoopback>("papyros/NotLoopback")("NotLoopback", {
  host: Schema.String
}) {
  override get message(): string {
    return `Without a secret only processes of this machine may connect, and ${this.host} is for others too. ` +
      "Set PAPYROS_SECRET to what `papyros secret` prints, or listen on 127.0.0.1."
  }
}

export const listen: (options: ListenOptions) => Effect.Effect<
  SocketServer.SocketServer["Service"],
  SocketServer.SocketServerError | NotLoopback,
  Scope.Scope
> = Effect.fnUntraced(function*(options: ListenOptions) {
  const host = yield* lookup(options.host)
  if (options.secret === undefined && !isLoopback(host)) return yield* new NotLoopback({ host: options.host })
  const door = yield* Effect.acquireRelease(
    Effect.sync(() => new Acceptor(options)),
    (door) => Effect.callback<void>((resume) => door.close(() => resume(Effect.void)))
  )
  const address = yield* bind(door.server, host.address, options.port)

  const run = <R, E, _>(handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>) =>
    Effect.scoped(Effect.gen(function*() {
      const fork = yield* FiberSet.makeRuntime<R>()
      yield* Effect.acquireRelease(
        Effect.sync(() => door.open((guest) => fork(serve(guest, door.strangers, handler)))),
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

const loopback = new Net.BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

const isLoopback = ({ address, family }: Dns.LookupAddress): boolean =>
  loopback.check(address, family === 6 ? "ipv6" : "ipv4")

const bind = (server: Net.Server, host: string, port: number) =>
  Effect.flatMap(
    Effect.callback<Net.AddressInfo, SocketServer.SocketServerError>((resume) => {
      // Later ones are of single connections that could not be accepted.
      server.on("error", (error) => resume(Effect.fail(failed(error))))
      server.listen({ host, port }, () => resume(Effect.succeed(server.address() as Net.AddressInfo)))
    }),
    ({ address, port }) => Effect.mapError(Effect.fromResult(NetAddress.inetAddressFromIpString(address, port)), failed)
  )

/** Nothing that goes wrong with one connection concerns anybody else. */
const serve = <A, E, R>(
  { duplex, identity, raw, remoteAddress }: AcceptedConnection,
  strangers: UnauthenticatedConnections,
  handler: (socket: Socket.Socket) => Effect.Effect<A, E, R>
): Effect.Effect<void, never, Exclude<R, Peer>> => {
  const open = Effect.acquireRelease(
    Effect.suspend(() => duplex.destroyed ? Effect.fail(closed(1006)) : Effect.succeed(duplex)),
    (duplex) => Effect.sync(() => duplex.destroy())
  )
  const peer = Peer.of({
    identity,
    remoteAddress,
    authenticated: Effect.sync(() => strangers.remove(raw)),
    close: Effect.sync(() => duplex.destroy()),
    isClosed: () => duplex.destroyed
  })
  return NodeSocket.fromDuplex(open).pipe(
    Effect.flatMap((socket) => handler(identity === undefined ? bounded(socket, raw, strangers) : socket)),
    Effect.ensuring(peer.close),
    Effect.ignoreCause({ log: "Debug", message: "A connection ended" }),
    Effect.provideService(Peer, peer)
  )
}

/** Hands out no more than a stranger may say. */
const bounded = (socket: Socket.Socket, raw: Net.Socket, strangers: UnauthenticatedConnections): Socket.Socket =>
  Socket.make({
    writer: socket.writer,
    reader: Effect.map(socket.reader, ({ pull, upgrade }) => ({
      upgrade,
      pull: Effect.flatMap(pull, (bytes) => {
        if (!strangers.has(raw) || raw.bytesRead <= MAX_UNAUTHENTICATED_BYTES) return Effect.succeed(bytes)
        raw.destroy()
        return Effect.fail(closed(1009))
      })
    }))
  })

const closed = (code: number) => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })
