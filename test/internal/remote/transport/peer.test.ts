import { assert, describe, it } from "@effect/vitest"
import * as Net from "node:net"
import { vi } from "vitest"
import { Peer, PendingPeers } from "../../../../src/internal/remote/transport/peer.ts"

const connect = (pending: PendingPeers): Peer => new Peer(new Net.Socket(), pending)

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
