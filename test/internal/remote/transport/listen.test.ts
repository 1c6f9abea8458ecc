import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Tls from "node:tls"
import * as Identity from "../../../../src/internal/remote/auth/identity.ts"
import * as Secret from "../../../../src/internal/remote/auth/secret.ts"
import { connect, type ConnectOptions } from "../../../../src/internal/remote/transport/connect.ts"
import * as Heartbeat from "../../../../src/internal/remote/transport/heartbeat.ts"
import { listen, type ListenOptions } from "../../../../src/internal/remote/transport/listen.ts"
import { currentPeer, type Peer } from "../../../../src/internal/remote/transport/peer.ts"
import * as RpcClient from "../../../../src/internal/remote/transport/rpcClient.ts"
import * as RpcServer from "../../../../src/internal/remote/transport/rpcServer.ts"
import { freePort } from "../../../support/remote/processes.ts"
import { logs, raw, rawServer, until } from "../../../support/remote/sockets.ts"

const MAX = 1024 * 1024

const Rpcs = RpcGroup.make(
  Rpc.make("Who", { success: Schema.String }),
  Rpc.make("Length", { payload: { bytes: Schema.Uint8Array }, success: Schema.Int }),
  Rpc.make("Never", {}),
  Rpc.make("Dies", {}),
  Rpc.make("Count", { payload: { to: Schema.Int, size: Schema.Int }, success: Schema.Uint8Array, stream: true })
)

const client: Identity.Identity = { role: "client", group: "g" }

/** The events in handlers. */
class Seen {
  readonly notes: Array<string> = []
  readonly losses: Array<string> = []
  produced = 0
  running = 0
}

const serve = Effect.fnUntraced(function*(options: Partial<ListenOptions> = {}) {
  const seen = new Seen()
  const server = yield* listen({
    host: "127.0.0.1",
    port: 0,
    secret: undefined,
    accepts: ({ group }) => group === "g",
    heartbeatTimeout: undefined,
    ...options
  })
  const handlers = yield* Layer.build(Rpcs.toLayer({
    Who: () =>
      Effect.map(currentPeer, (peer) => {
        peer.authenticate()
        return peer.identity === undefined ? "anybody" : Identity.format(peer.identity)
      }),
    Length: ({ bytes }) => Effect.succeed(bytes.length),
    Never: () =>
      Effect.acquireUseRelease(
        Effect.tap(currentPeer, () => Effect.sync(() => seen.running++)),
        () => Effect.never,
        ({ loss }) =>
          Effect.sync(() => {
            seen.losses.push(loss)
            seen.running--
          })
      ),
    Dies: () => Effect.die(new Error("a handler's own fault")),
    Count: ({ size, to }) =>
      Stream.range(1, to).pipe(
        Stream.rechunk(1),
        Stream.map(() => {
          seen.produced++
          return new Uint8Array(size)
        })
      )
  }))
  /** Returns each message. */
  const onMessage = (peer: Peer, bytes: Uint8Array) =>
    Effect.suspend(() => {
      seen.notes.push(new TextDecoder().decode(bytes))
      return peer.send([bytes.slice()])
    })
  yield* Effect.provideContext(RpcServer.serve(Rpcs, server, { maxFrameSize: MAX, onMessage }), handlers)
  const port = "port" in server.address ? server.address.port : 0
  return { port, seen }
})

const dial = Effect.fnUntraced(function*(
  port: number,
  options: Partial<ConnectOptions> & Pick<RpcClient.RpcClientOptions, "onMessage" | "pingInterval"> = {}
) {
  const connection = yield* connect({
    host: "127.0.0.1",
    port,
    secret: undefined,
    identity: client,
    connectTimeout: 10_000,
    heartbeatTimeout: undefined,
    ...options
  })
  const rpc = yield* RpcClient.make(Rpcs, connection, {
    maxFrameSize: MAX,
    pingInterval: options.pingInterval,
    onMessage: options.onMessage
  })
  return { connection, ...rpc }
})

/** The result of an attempt to authenticate. */
const attempt = (port: number, options: Partial<ConnectOptions> = {}) =>
  Effect.gen(function*() {
    const { client, connection } = yield* dial(port, options)
    return yield* Effect.mapError(client.Who(), (error) => RpcClient.toRemoteError(connection, error))
  }).pipe(Effect.scoped, Effect.flip, Effect.map(({ reason }) => reason))

/** The answer to a TLS client with the identity `identity`. */
const handshake = (port: number, { identity, psk }: { readonly identity: string; readonly psk: Buffer }) =>
  Effect.callback<string>((resume) => {
    const socket = Tls.connect({
      ...Identity.tlsOptions,
      host: "127.0.0.1",
      port,
      checkServerIdentity: () => undefined,
      pskCallback: () => ({ identity, psk })
    })
    socket.once("secureConnect", () => resume(Effect.succeed("let in")))
    socket.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(`${error.code}`)))
    return Effect.sync(() => socket.destroy())
  })

/** Blocks this process, in a timer: others that are due by then come before anything is read. */
const freeze = (millis: number) =>
  Effect.callback<void>((resume) => {
    setTimeout(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
      resume(Effect.void)
    }, 1)
  })

describe("listen", () => {
  it.live("knows who is at the other end where there is a secret", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const { port } = yield* serve({ secret })
      for (const role of ["client", "worker"] as const) {
        const { client } = yield* dial(port, { secret, identity: { role, group: "g" } })
        assert.strictEqual(yield* client.Who(), `${role}/g`)
      }
      const open = yield* serve()
      assert.strictEqual(yield* (yield* dial(open.port)).client.Who(), "anybody")
    }))

  it.live("tells nobody why it was not let in", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const other = yield* Secret.generate
      const { port } = yield* serve({ secret })
      const key = (group: string, of = secret) => Identity.clientKey(of, { role: "client", group })
      const own = key("g")
      assert.strictEqual(yield* handshake(port, own), "let in")
      const heard = new Set([
        yield* handshake(port, key("g", other)),
        yield* handshake(port, { ...own, psk: key("g", other).psk }),
        yield* handshake(port, { ...own, psk: key("h").psk }),
        yield* handshake(port, key("h")),
        yield* handshake(port, Identity.clientKey(secret, Identity.operator)),
        yield* handshake(port, { ...own, identity: "client/g" }),
        yield* handshake(port, { ...own, identity: "no identity at all" }),
        yield* handshake(port, { ...own, identity: `client/${"x".repeat(90)}` })
      ])
      assert.strictEqual(heard.size, 1)
      assert.notInclude([...heard][0], "let in")
      for (const options of [{ secret: other }, { secret, identity: { role: "client", group: "h" } as const }]) {
        assert.strictEqual((yield* attempt(port, options))._tag, "Unauthorized")
      }
    }))

  it.live("does not let in who has no secret, or comes with one to where there is none", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const closed = yield* serve({ secret })
      assert.strictEqual((yield* attempt(closed.port))._tag, "Unauthorized")
      const open = yield* serve()
      assert.strictEqual((yield* attempt(open.port, { secret }))._tag, "Unauthorized")
    }))

  it.live("with two secrets lets in those that have either, and with one of them is let in by those that have both", () =>
    Effect.gen(function*() {
      const [before, after] = [yield* Secret.generate, yield* Secret.generate]
      const both = yield* Effect.fromResult(Secret.parse(`${Redacted.value(after)}\n${Redacted.value(before)}`))
      const { port } = yield* serve({ secret: both })
      for (const secret of [before, after, both]) {
        assert.strictEqual(yield* (yield* dial(port, { secret })).client.Who(), "client/g")
      }
      assert.strictEqual((yield* attempt(port, { secret: yield* Secret.generate }))._tag, "Unauthorized")
      // The first one is used to connect.
      assert.strictEqual(
        (yield* attempt((yield* serve({ secret: before })).port, { secret: both }))._tag,
        "Unauthorized"
      )
      const late = yield* serve({ secret: after })
      assert.strictEqual(yield* (yield* dial(late.port, { secret: both })).client.Who(), "client/g")
    }))

  it.live("without a secret a client sends nothing to another machine", () =>
    Effect.gen(function*() {
      for (const host of ["192.0.2.77", "::ffff:192.0.2.77", "2001:db8::1", "fe80::1%lo"]) {
        const reason = yield* attempt(7427, { host })
        assert.strictEqual(reason._tag, "Unauthorized")
        assert.include(reason.message, "PAPYROS_SECRET")
      }
    }))

  it.live("offers no suite without the secret", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const { port } = yield* serve({ secret })
      for (
        const ciphers of [
          "HIGH:!PSK",
          "PSK-AES128-GCM-SHA256",
          "DHE-PSK-AES128-GCM-SHA256",
          "ADH-AES128-SHA256:@SECLEVEL=0"
        ]
      ) {
        const heard = yield* Effect.callback<string>((resume) => {
          const socket = Tls.connect({
            host: "127.0.0.1",
            port,
            ciphers,
            maxVersion: "TLSv1.2",
            rejectUnauthorized: false,
            pskCallback: () => Identity.clientKey(secret, client)
          })
          socket.once("secureConnect", () => resume(Effect.succeed("let in")))
          socket.once("error", () => resume(Effect.succeed("refused")))
        })
        assert.strictEqual(heard, "refused")
      }
    }))

  it.live("a port where nobody listens, or nobody answers, is unreachable", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const silent = yield* rawServer(() => {})
      const rude = yield* rawServer((socket) => socket.resetAndDestroy())
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(serve(), scope)
      yield* Scope.close(scope, Exit.void)
      const closes = yield* rawServer((socket) => socket.end())
      assert.strictEqual((yield* attempt(port))._tag, "Unreachable")
      // A proxy that listens before the server does, for example.
      assert.strictEqual((yield* attempt(closes))._tag, "Unreachable")
      assert.strictEqual((yield* attempt(closes, { secret }))._tag, "Unreachable")
      assert.strictEqual((yield* attempt(rude))._tag, "Unreachable")
      assert.strictEqual((yield* attempt(silent, { secret, connectTimeout: 100 }))._tag, "Unreachable")
      assert.strictEqual((yield* attempt(rude, { secret }))._tag, "Unreachable")
      assert.strictEqual((yield* attempt(1, { host: "no-such-host.invalid" }))._tag, "Unreachable")
    }))

  it.live("without a secret it listens only to this host", () =>
    Effect.gen(function*() {
      for (const host of ["0.0.0.0", "::"]) {
        const error = yield* Effect.flip(Effect.scoped(serve({ host })))
        assert.strictEqual(error._tag, "NotLoopback")
        assert.include(error.message, "PAPYROS_SECRET")
      }
      yield* Effect.scoped(serve({ host: "localhost" }))
      yield* Effect.scoped(serve({ host: "127.1.2.3" }))
      yield* Effect.scoped(serve({ host: "0.0.0.0", secret: yield* Secret.generate }))
    }))

  const zoned =
    Object.entries(Os.networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses.flatMap(({ address }) => address.startsWith("fe80:") ? [`${address}%${name}`] : [])
    )[0]
  it.live.skipIf(zoned === undefined)("listens on an IPv6 address with a zone", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const { port } = yield* serve({ host: zoned, secret })
      assert.strictEqual(yield* (yield* dial(port, { host: zoned, secret })).client.Who(), "client/g")
    }))

  it.live("says in words why a port cannot be reached", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const refused = yield* attempt(port)
      assert.strictEqual(refused.message, "no process listens there (ECONNREFUSED)")
      // Of a host name, Node reports the errors of all its addresses as one.
      assert.strictEqual((yield* attempt(port, { host: "localhost" })).message, refused.message)
      const unknown = yield* attempt(port, { host: "no-such-host.invalid" })
      assert.match(unknown.message, /^(the host name is unknown|the name server of the host .*) \(E\w+\)$/)
    }))

  it.live("an address that is taken is a typed failure", () =>
    Effect.gen(function*() {
      const { port } = yield* serve()
      assert.strictEqual((yield* Effect.flip(Effect.scoped(serve({ port }))))._tag, "SocketServerError")
    }))

  it.live("ends all connections with its scope, and the port is free", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const secret = yield* Secret.generate
      const { port, seen } = yield* Scope.provide(serve({ secret }), scope)
      const { client, closed } = yield* dial(port, { secret })
      const stranger = yield* raw(port)
      const call = yield* Effect.forkChild(Effect.flip(client.Never()), { startImmediately: true })
      yield* until(() => seen.running === 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(call))._tag, "RpcClientError")
      yield* closed
      yield* until(() => stranger.closed)
      assert.strictEqual(seen.running, 0)
      yield* serve({ secret, port })
      assert.strictEqual(yield* (yield* dial(port, { secret })).client.Who(), "client/g")
    }))

  it.live("a client that goes has its calls interrupted at once", () =>
    Effect.gen(function*() {
      const { port, seen } = yield* serve()
      const scope = yield* Scope.make()
      const { client } = yield* Scope.provide(dial(port), scope)
      yield* client.Who()
      yield* Effect.forkChild(client.Never())
      yield* until(() => seen.running === 1)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => seen.running === 0)
    }))
})

describe("listen, to those who mean harm", () => {
  it.live("whatever is sent, others are served, and the memory stays bounded", () => {
    const { layer, lines } = logs()
    return Effect.gen(function*() {
      const secret = yield* Secret.generate
      const servers = [yield* serve(), yield* serve({ secret })]
      const friends = [yield* dial(servers[0].port), yield* dial(servers[1].port, { secret })]
      for (const { client } of friends) yield* client.Who()
      const hello = Buffer.from("16030100", "hex")
      const nonsense = [
        ...Array.from({ length: 20 }, (_, i) => randomBytes(1 + i * 997)),
        ...["ffffffff", "7fffffff", "ffffffffffffffffff7f", "80808080808080808001"].map((hex) =>
          Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(100_000)])
        ),
        Buffer.concat([hello, Buffer.alloc(16_380)]),
        Buffer.from("GET / HTTP/1.1\r\n\r\n"),
        Buffer.alloc(8 * MAX)
      ]
      const before = process.memoryUsage().rss
      for (const { port } of servers) {
        for (const bytes of nonsense) {
          yield* Effect.scoped(Effect.gen(function*() {
            const one = yield* raw(port)
            one.socket.write(bytes)
            // The connection waits for a frame that may still come; an end of the stream ends it.
            one.socket.end()
            yield* until(() => one.closed)
          }))
        }
        for (const { client } of friends) yield* client.Who()
      }
      assert.isBelow(process.memoryUsage().rss - before, 200 * MAX)
      assert.deepStrictEqual(lines.filter(({ level }) => level === "Error" || level === "Fatal"), [])
    }).pipe(Effect.provide(layer))
  })

  it.live("a stranger may not say more than 4 KiB without TLS", () =>
    Effect.gen(function*() {
      const { port } = yield* serve()
      const { client } = yield* dial(port)
      const error = yield* Effect.flip(client.Length({ bytes: new Uint8Array(5000) }))
      assert.strictEqual(error._tag, "RpcClientError")
      const known = yield* dial(port)
      yield* known.client.Who()
      assert.strictEqual(yield* known.client.Length({ bytes: new Uint8Array(MAX / 2) }), MAX / 2)
    }))

  it.live("a frame that is too large ends the connection of who sent it", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const { port } = yield* serve({ secret })
      const { client, closed } = yield* dial(port, { secret })
      yield* Effect.flip(client.Length({ bytes: new Uint8Array(2 * MAX) }))
      yield* closed
      assert.strictEqual((yield* Effect.flip(client.Who()))._tag, "RpcClientError")
    }))

  for (const withSecret of [true, false]) {
    const how = withSecret ? "with" : "without"
    it.live(
      `200 connections that say nothing keep nobody out, ${how} a secret, and are ended`,
      () =>
        Effect.gen(function*() {
          const secret = withSecret ? yield* Secret.generate : undefined
          const { port } = yield* serve({ secret })
          const friend = yield* dial(port, { secret })
          yield* friend.client.Who()
          const strangers = yield* Effect.forEach(Array.from({ length: 200 }), () => raw(port), { concurrency: 20 })
          for (const { socket } of strangers) if (withSecret) socket.write(Buffer.from("1603", "hex"))
          const open = () => strangers.filter(({ closed }) => !closed).length
          yield* until(() => open() <= 64)
          assert.strictEqual(yield* friend.client.Who(), withSecret ? "client/g" : "anybody")
          const late = yield* dial(port, { secret })
          assert.strictEqual(yield* late.client.Who(), withSecret ? "client/g" : "anybody")
          // Their time is up.
          yield* until(() => open() === 0)
          yield* friend.client.Who()
        }),
      { concurrent: true }
    )
  }
})

describe("a source that opens connections without end", () => {
  for (const withSecret of [true, false]) {
    it.live(`locks out no other source, ${withSecret ? "with" : "without"} a secret`, () =>
      Effect.gen(function*() {
        const secret = withSecret ? yield* Secret.generate : undefined
        const { port } = yield* serve({ secret })
        // Far away: its handshake takes longer than the others need to open 200 connections.
        const slow = yield* raw(port)
        const strangers = yield* Effect.forEach(
          Array.from({ length: 200 }),
          () => raw(port, "127.0.0.2"),
          { concurrency: 20 }
        )
        yield* until(() => strangers.filter(({ closed }) => !closed).length === 63)
        assert.isFalse(slow.closed)
        assert.strictEqual(yield* (yield* dial(port, { secret })).client.Who(), withSecret ? "client/g" : "anybody")
      }))
  }
})

describe("connections", () => {
  for (const withSecret of [true, false]) {
    it.live(`a server knows why it has lost one, ${withSecret ? "with" : "without"} a secret`, () =>
      Effect.gen(function*() {
        const secret = withSecret ? yield* Secret.generate : undefined
        const scope = yield* Scope.make()
        const { port, seen } = yield* Scope.provide(serve({ secret, heartbeatTimeout: 300 }), scope)
        const losing = Effect.fnUntraced(function*(lose: (socket: Net.Socket) => Effect.Effect<unknown>) {
          const proxy = yield* rawServer((socket) => {
            const far = Net.connect({ host: "127.0.0.1", port })
            far.on("error", () => {})
            socket.pipe(far).pipe(socket)
            sockets.push(far)
          })
          const sockets: Array<Net.Socket> = []
          const { client } = yield* dial(proxy, { secret, pingInterval: 50 })
          yield* Effect.forkChild(Effect.ignore(client.Never()))
          yield* until(() => seen.running === 1)
          yield* lose(sockets[0])
          yield* until(() => seen.running === 0)
          return seen.losses.pop()
        })
        assert.strictEqual(yield* losing((far) => Effect.sync(() => far.end())), "closed by the peer")
        const reset = yield* losing((far) => Effect.sync(() => far.resetAndDestroy()))
        assert.strictEqual(reset, "the connection was reset (ECONNRESET)")
        const silent = yield* losing((far) => Effect.sync(() => far.unpipe().pause().cork()))
        assert.strictEqual(silent, "the peer sent nothing for 300 ms")
        // It ends the connection itself.
        assert.strictEqual(yield* losing(() => Scope.close(scope, Exit.void)), "")
      }))
  }

  it.live("a peer that says nothing is given up, by the server and by the client", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const { port, seen } = yield* serve({ secret, heartbeatTimeout: 200 })
      const lively = yield* dial(port, { secret, heartbeatTimeout: 200, pingInterval: 20 })
      const silent = yield* dial(port, { secret, pingInterval: 1e9 })
      yield* Effect.forkChild(silent.client.Never())
      yield* until(() => seen.running === 1)
      yield* silent.closed
      yield* until(() => seen.running === 0)
      assert.strictEqual(yield* lively.client.Who(), "client/g")

      const mute = yield* rawServer((socket) => socket.resume())
      const { client, closed } = yield* dial(mute, { heartbeatTimeout: 100, pingInterval: 20 })
      const error = yield* Effect.flip(client.Who())
      assert.strictEqual(error._tag, "RpcClientError")
      assert.include(yield* closed, "sent nothing")
    }))

  it.live("the time in which this process was frozen is nobody's silence", () =>
    Effect.gen(function*() {
      const { port } = yield* serve({ heartbeatTimeout: 400 })
      const { client } = yield* dial(port, { heartbeatTimeout: 400, pingInterval: 100 })
      yield* client.Who()
      for (let i = 0; i < 4; i++) {
        // The earlier messages have been received.
        yield* Effect.sleep(60)
        yield* freeze(700)
        assert.strictEqual(yield* client.Who(), "anybody")
      }
    }))

  it.live("a peer that was frozen together with this process gets a fresh period", () =>
    Effect.gen(function*() {
      const { socket } = yield* raw(yield* rawServer(() => {}))
      let silent = false
      const unwatch = Heartbeat.watch(socket, socket, 400, () => {
        silent = true
      })
      yield* freeze(700)
      // More than a turn, in which all that was due has been done.
      for (let i = 0; i < 3; i++) yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
      assert.isFalse(silent)
      yield* until(() => silent)
      unwatch()
    }))

  it.live("calls fail once the connection is lost, and none is made again", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { port, seen } = yield* Scope.provide(serve(), scope)
      const { client, closed, send } = yield* dial(port)
      yield* client.Who()
      const never = yield* Effect.forkChild(Effect.flip(client.Never()), { startImmediately: true })
      yield* until(() => seen.running === 1)
      yield* Scope.close(scope, Exit.void)
      yield* closed
      yield* serve({ port })
      assert.strictEqual((yield* Fiber.join(never))._tag, "RpcClientError")
      assert.strictEqual((yield* Effect.flip(client.Who()))._tag, "RpcClientError")
      assert.strictEqual((yield* Effect.flip(send([])))._tag, "RpcClientError")
      const stream = yield* Effect.flip(Stream.runDrain(client.Count({ to: 1, size: 1 })))
      assert.strictEqual(stream._tag, "RpcClientError")
    }))

  it.live("what the server says and cannot be read ends the connection", () =>
    Effect.gen(function*() {
      const port = yield* rawServer((socket) => socket.once("data", () => socket.write("x".repeat(200))))
      const reason = yield* attempt(port)
      assert.strictEqual(reason._tag, "VersionMismatch")
    }))

  it.live("messages of any size arrive in order, and so do their answers", () =>
    Effect.gen(function*() {
      const { port, seen } = yield* serve()
      const received: Array<string> = []
      const onMessage = (bytes: Uint8Array) => Effect.sync(() => void received.push(new TextDecoder().decode(bytes)))
      const { client, send } = yield* dial(port, { onMessage })
      yield* client.Who()
      const sizes = [0, 1, 100, 16 * 1024, 70_000, MAX]
      const texts = Array.from({ length: 200 }, (_, i) => `${i} ${"x".repeat(sizes[i % sizes.length])}`.slice(0, MAX))
      const encoder = new TextEncoder()
      for (const [i, text] of texts.entries()) {
        // In one part, and in several.
        const bytes = encoder.encode(text)
        yield* send([bytes.subarray(0, i), bytes.subarray(i)])
        if (i % 50 === 0) yield* client.Who()
      }
      yield* until(() => received.length === texts.length)
      assert.deepStrictEqual(seen.notes, texts)
      assert.deepStrictEqual(received, texts)
    }))

  it.live("a message above the limit ends the connection", () =>
    Effect.gen(function*() {
      const { port, seen } = yield* serve()
      const { client, closed, send } = yield* dial(port)
      yield* client.Who()
      yield* send([new Uint8Array(MAX + 1)])
      yield* closed
      assert.deepStrictEqual(seen.notes, [])
    }))

  it.live("a message to a peer that takes none ends the connection", () =>
    Effect.gen(function*() {
      const { port } = yield* serve()
      const { client, closed, send } = yield* dial(port)
      yield* client.Who()
      yield* send([new Uint8Array(1)])
      yield* closed
    }))

  it.live("a message waits until the socket can take more", () =>
    Effect.gen(function*() {
      // It does not read.
      const port = yield* rawServer((socket) => socket.pause())
      const { send } = yield* dial(port)
      const bytes = new Uint8Array(MAX / 4)
      let sent = 0
      const sending = yield* Effect.forkChild(
        Effect.forever(Effect.tap(send([bytes]), () => Effect.sync(() => sent++)))
      )
      const stuck = yield* Deferred.make<void>()
      yield* Effect.forkChild(Effect.gen(function*() {
        let last = -1
        while (last !== sent) {
          last = sent
          yield* Effect.sleep(200)
        }
        yield* Deferred.succeed(stuck, undefined)
      }))
      yield* Deferred.await(stuck)
      assert.isUndefined(sending.pollUnsafe())
      assert.isBelow(sent, 200)
    }))

  it.live("a stream goes on without acks, and is held back by who does not take it", () =>
    Effect.gen(function*() {
      const { port, seen } = yield* serve()
      const { client } = yield* dial(port)
      yield* client.Who()
      const all = yield* Stream.runCollect(client.Count({ to: 1000, size: 10 }))
      assert.strictEqual(all.length, 1000)
      seen.produced = 0
      const to = 4000
      const slow = client.Count({ to, size: MAX / 4 })
      const first = yield* Stream.runCollect(Stream.take(Stream.tap(slow, () => until(() => seen.produced > 8)), 3))
      assert.strictEqual(first.length, 3)
      assert.isBelow(seen.produced, to / 2)
    }))

  it.live("a handler that dies fails its own call only", () => {
    const { layer, lines } = logs()
    return Effect.gen(function*() {
      const { port, seen } = yield* serve()
      const { client } = yield* dial(port)
      yield* client.Who()
      const never = yield* Effect.forkChild(client.Never())
      yield* until(() => seen.running === 1)
      assert.strictEqual((yield* Effect.exit(client.Dies()))._tag, "Failure")
      assert.strictEqual(yield* client.Who(), "anybody")
      assert.isUndefined(never.pollUnsafe())
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(layer))
  })
})
