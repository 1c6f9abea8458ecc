import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Identity from "../../../../src/internal/remote/auth/identity.ts"
import * as Secret from "../../../../src/internal/remote/auth/secret.ts"
import { Acceptor } from "../../../../src/internal/remote/transport/acceptor.ts"
import type { Peer } from "../../../../src/internal/remote/transport/peer.ts"
import { freePort } from "../../../support/remote/processes.ts"
import { until } from "../../../support/remote/sockets.ts"

/** Accepts on all addresses of this machine, and collects the peers that were handed over. */
const accept = Effect.fnUntraced(function*(secret: Secret.Secret) {
  const acceptor = yield* Effect.acquireRelease(
    Effect.sync(() => new Acceptor({ secret, accepts: () => true, heartbeatTimeout: undefined })),
    (acceptor) => Effect.callback<void>((resume) => acceptor.close(() => resume(Effect.void)))
  )
  const port = yield* Effect.callback<number>((resume) => {
    acceptor.server.listen(
      { host: "0.0.0.0", port: 0 },
      () => resume(Effect.succeed((acceptor.server.address() as Net.AddressInfo).port))
    )
  })
  const peers: Array<Peer> = []
  acceptor.open((peer) => peers.push(peer))
  return { port, peers }
})

const connected = (options: Net.TcpNetConnectOpts) =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect(options, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const handshake = (socket: Net.Socket, secret: Secret.Secret, identity: Identity.Identity) =>
  Tls.connect({
    ...Identity.tlsOptions,
    socket,
    checkServerIdentity: () => undefined,
    pskCallback: () => Identity.clientKey(secret, identity)
  }).on("error", () => {})

describe("Acceptor", () => {
  it.live("tells apart connections of one remote address to different addresses of this machine", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const { peers, port } = yield* accept(secret)
      const from = { localAddress: "127.0.0.1", localPort: yield* freePort }
      const first = yield* connected({ host: "127.0.0.1", port, ...from })
      const second = yield* connected({ host: "127.0.0.2", port, ...from })
      handshake(second, secret, { role: "worker", group: "second" })
      yield* until(() => peers.length === 1)
      handshake(first, secret, { role: "client", group: "first" })
      yield* until(() => peers.length === 2)
      const seen = peers.map(({ identity, raw }) => [Identity.format(identity!), raw.localAddress])
      assert.deepStrictEqual(seen, [["worker/second", "127.0.0.2"], ["client/first", "127.0.0.1"]])
    }))

  it.live("answers a peer without a secret with an alert, and closes its connection", () =>
    Effect.gen(function*() {
      const { peers, port } = yield* accept(yield* Secret.generate)
      const socket = yield* connected({ host: "127.0.0.1", port })
      const received: Array<Buffer> = []
      let closed = false
      socket.on("data", (bytes) => received.push(bytes)).once("close", () => closed = true)
      socket.write("a message in clear")
      yield* until(() => closed)
      assert.strictEqual(Buffer.concat(received).toString("hex"), "15030300020228")
      assert.deepStrictEqual(peers, [])
    }))
})
