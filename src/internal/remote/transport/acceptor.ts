/**
 * Accepts connections, over TLS with a key of the shared secret or in clear, and hands over those that may be handled.
 *
 * Must stay true: this file runs without Effect, so that a flood of connections that are dropped starts no fibers. In
 * clear a peer is handed over while it is pending; over TLS only once its identity is proven. A TLS socket finds its
 * peer by both ends of the connection, which no two open connections share.
 */
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Address from "../../address.ts"
import * as Identity from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import * as Heartbeat from "./heartbeat.ts"
import { Peer, PendingPeers } from "./peer.ts"
import * as TlsRecord from "./tlsRecord.ts"

export interface AcceptorOptions {
  readonly secret: Secret | undefined
  readonly accepts: (identity: Identity.Identity) => boolean
  /** How long a peer may send nothing, in milliseconds. */
  readonly heartbeatTimeout: number | undefined
}

export class Acceptor {
  readonly server: Net.Server
  private readonly pending = new PendingPeers()
  private readonly heartbeatTimeout: number | undefined
  private readonly connections = new Set<Net.Socket>()
  /** Peers that came before `open`. */
  private readonly waiting = new Set<Peer>()
  private handle: ((peer: Peer) => void) | undefined

  constructor({ accepts, heartbeatTimeout, secret }: AcceptorOptions) {
    this.heartbeatTimeout = heartbeatTimeout
    const accept = secret === undefined ? (peer: Peer) => this.admit(peer) : this.tls(secret, accepts)
    this.server = Net.createServer({ noDelay: true }, (raw) => {
      raw.on("error", ignore)
      this.connections.add(raw)
      raw.once("close", () => this.connections.delete(raw))
      accept(new Peer(raw, this.pending))
    })
  }

  /** Hands over the waiting peers and all later ones, until the returned function is called. */
  open(handle: (peer: Peer) => void): () => void {
    const before = this.handle
    this.handle = handle
    const waiting = Array.from(this.waiting)
    this.waiting.clear()
    waiting.forEach(handle)
    return () => {
      this.handle = before
    }
  }

  close(onClosed: () => void): void {
    this.server.close(onClosed)
    for (const connection of this.connections) connection.destroy()
  }

  /** A TLS server that never listens: each accepted connection is emitted on it. */
  private tls(secret: Secret, accepts: (identity: Identity.Identity) => boolean): (peer: Peer) => void {
    const keyFor = Identity.serverKeys(secret, accepts)
    const identities = new WeakMap<Tls.TLSSocket, Identity.Identity>()
    // Node does not tell on which connection a TLS socket is, but both have the same ends.
    const byEnds = new Map<string, Peer>()
    const server = Tls.createServer({
      ...Identity.tlsOptions,
      pskCallback: (socket, claimed) => {
        const { identity, key } = keyFor(claimed)
        if (identity !== undefined) identities.set(socket, identity)
        return key
      }
    })
    server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      const raw = byEnds.get(Address.formatEnds(socket))?.raw
      socket.destroy()
      // OpenSSL answers a TLS client. One without a secret, which sends in clear, gets no answer from it.
      if (error.code === "ERR_SSL_WRONG_VERSION_NUMBER") raw?.end(TlsRecord.HANDSHAKE_FAILURE)
    })
    server.on("secureConnection", (socket) => {
      const peer = byEnds.get(Address.formatEnds(socket))
      const identity = identities.get(socket)
      if (peer === undefined || identity === undefined) return socket.destroy()
      socket.on("error", ignore)
      peer.authenticateByTls(socket, identity)
      this.admit(peer)
    })
    return (peer) => {
      const { raw } = peer
      const ends = Address.formatEnds(raw)
      // It is closed already.
      if (raw.remoteAddress === undefined) return raw.destroy()
      byEnds.set(ends, peer)
      raw.once("close", () => {
        if (byEnds.get(ends) === peer) byEnds.delete(ends)
      })
      server.emit("connection", raw)
    }
  }

  private admit(peer: Peer): void {
    const { duplex, raw } = peer
    // Bytes that arrive before the peer is handled stay in the socket, which has no listener for them. After a call of
    // `pause`, an accepted socket of Deno would never be readable.
    const { heartbeatTimeout: timeout } = this
    const unwatch = timeout === undefined
      ? ignore
      : Heartbeat.watch(raw, duplex, timeout, () => peer.closeSilent(timeout))
    raw.once("close", () => {
      this.waiting.delete(peer)
      unwatch()
    })
    if (this.handle === undefined) this.waiting.add(peer)
    else this.handle(peer)
  }
}

const ignore = () => {}
