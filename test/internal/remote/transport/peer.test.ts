import { assert, describe, it } from "@effect/vitest"
import * as Net from "node:net"
import { vi } from "vitest"
import { Peer, PendingPeers } from "../../../../src/internal/remote/transport/peer.ts"

const connect = (pending: PendingPeers, remoteAddress = "10.0.0.1"): Peer => {
  const socket = new Net.Socket()
  Object.defineProperty(socket, "remoteAddress", { value: remoteAddress })
  return new Peer(socket, pending)
}

describe("Peer", () => {
  it("is pending until it is authenticated, and its limits hold as long", () => {
    const pending = new PendingPeers()
    const peer = connect(pending)
    Object.defineProperty(peer.raw, "bytesRead", { value: 4097 })
    assert.deepStrictEqual([peer.state, peer.exceedsLimit, pending.size], ["pending", true, 1])
    assert.isUndefined(peer.identity)
    peer.authenticate()
    assert.deepStrictEqual([peer.state, peer.exceedsLimit, pending.size], ["authenticated", false, 0])
  })

  it("may send 4096 bytes while it is pending", () => {
    const peer = connect(new PendingPeers())
    Object.defineProperty(peer.raw, "bytesRead", { value: 4096 })
    assert.isFalse(peer.exceedsLimit)
  })

  it("has the identity and the stream of its TLS handshake", () => {
    const peer = connect(new PendingPeers())
    const tls = new Net.Socket()
    assert.strictEqual(peer.duplex, peer.raw)
    peer.authenticateByTls(tls, { role: "client", group: "g" })
    assert.strictEqual(peer.duplex, tls)
    assert.deepStrictEqual(peer.identity, { role: "client", group: "g" })
    assert.strictEqual(peer.state, "authenticated")
    peer.close()
    assert.isTrue(peer.isClosed && tls.destroyed)
  })
})

describe("PendingPeers", () => {
  it("drops the oldest pending peer for the 65th, and no authenticated one", () => {
    const pending = new PendingPeers()
    const authenticated = connect(pending)
    authenticated.authenticate()
    const peers = Array.from({ length: 66 }, () => connect(pending))
    assert.strictEqual(pending.size, 64)
    assert.deepStrictEqual(peers.map(({ isClosed }) => isClosed), peers.map((_, i) => i < 2))
    assert.isFalse(authenticated.isClosed)
  })

  it("drops the oldest of the source that has the most, so that a source locks out only itself", () => {
    const pending = new PendingPeers()
    const open = (peers: ReadonlyArray<Peer>) => peers.filter(({ isClosed }) => !isClosed).length
    const quiet = connect(pending)
    const mapped = connect(pending, "::ffff:10.0.0.1")
    // All of them are in one /64 network.
    const flood = Array.from({ length: 200 }, (_, i) => connect(pending, `2001:db8:0:7::${i.toString(16)}`))
    assert.deepStrictEqual([quiet.isClosed, mapped.isClosed, open(flood), pending.size], [false, false, 62, 64])
    assert.isFalse(flood[199].isClosed)
    const others = Array.from({ length: 31 }, () => connect(pending, "2001:db8:0:8::1"))
    assert.deepStrictEqual([open(flood), open(others), open([quiet, mapped])], [31, 31, 2])
    quiet.authenticate()
    mapped.authenticate()
    for (const peer of [...flood, ...others]) pending.delete(peer)
    assert.strictEqual(pending.size, 0)
  })

  it("drops a peer that is pending for 5 seconds", () => {
    vi.useFakeTimers()
    try {
      const pending = new PendingPeers()
      const [slow, quick] = [connect(pending), connect(pending)]
      vi.advanceTimersByTime(4999)
      quick.authenticate()
      assert.isFalse(slow.isClosed)
      vi.advanceTimersByTime(1)
      assert.deepStrictEqual([slow.isClosed, quick.isClosed], [true, false])
    } finally {
      vi.useRealTimers()
    }
  })
})
