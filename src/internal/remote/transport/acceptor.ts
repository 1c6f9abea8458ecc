/**
 * Accepts connections, over TLS by a shared secret or in clear, and lets in those
 * that may. It knows nothing of Effect, so that a flood of connections that are to be
 * dropped costs no fibers.
 */
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Identity } from "../auth/identity.ts"
import * as Psk from "../auth/psk.ts"
import type { Secret } from "../auth/secret.ts"
import * as Silence from "./heartbeat.ts"
import { UnauthenticatedConnections } from "./unauthenticated.ts"

/** A connection that may be handled. */
export interface AcceptedConnection {
  /** What bytes are received by. */
  readonly raw: Net.Socket
  /** What is read and written: `raw`, or TLS on it. */
  readonly duplex: Net.Socket
  readonly identity: Identity | undefined
  readonly remoteAddress: string
}

export interface AcceptorOptions {
  readonly secret: Secret | undefined
  readonly accepts: (identity: Identity) => boolean
  /** Milliseconds. */
  readonly silence: number | undefined
}

export class Acceptor {
  readonly server: Net.Server
  readonly strangers = new UnauthenticatedConnections()
  private readonly silence: number | undefined
  private readonly connections = new Set<Net.Socket>()
  /** Nobody handles them yet. */
  private readonly waiting = new Set<AcceptedConnection>()
  private handle: ((guest: AcceptedConnection) => void) | undefined

  constructor({ accepts, secret, silence }: AcceptorOptions) {
    this.silence = silence
    const enter = secret === undefined
      ? (raw: Net.Socket) => this.admit(raw, raw, undefined)
      : this.tls(secret, accepts)
    this.server = Net.createServer({ noDelay: true }, (raw) => {
      raw.on("error", ignore)
      this.connections.add(raw)
      raw.once("close", () => this.connections.delete(raw))
      this.strangers.add(raw)
      enter(raw)
    })
  }

  /** Hands over those that wait, and all that come, until what it returns is called. */
  open(handle: (guest: AcceptedConnection) => void): () => void {
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

  /** A TLS server that never listens: what is to be let in is shown to it. */
  private tls(secret: Secret, accepts: (identity: Identity) => boolean): (raw: Net.Socket) => void {
    const keys = Psk.keys(secret, accepts)
    const identities = new WeakMap<Tls.TLSSocket, Identity>()
    // Node does not say which connection a TLS socket is on, but both know its other end.
    const ends = new Map<string, Net.Socket>()
    const server = Tls.createServer({
      ...Psk.options,
      pskCallback: (socket, said) => {
        const { identity, key } = keys(said)
        if (identity !== undefined) identities.set(socket, identity)
        return key
      }
    })
    server.on("secureConnection", (socket) => {
      const raw = ends.get(endOf(socket))
      const identity = identities.get(socket)
      if (raw === undefined || identity === undefined) return socket.destroy()
      socket.on("error", ignore)
      this.strangers.remove(raw)
      this.admit(raw, socket, identity)
    })
    server.on("tlsClientError", (_error, socket) => socket.destroy())
    return (raw) => {
      const end = endOf(raw)
      ends.set(end, raw)
      raw.once("close", () => {
        if (ends.get(end) === raw) ends.delete(end)
      })
      server.emit("connection", raw)
    }
  }

  private admit(raw: Net.Socket, duplex: Net.Socket, identity: Identity | undefined): void {
    const guest = { raw, duplex, identity, remoteAddress: endOf(raw) }
    // Nothing is to be read before somebody handles it.
    duplex.pause()
    const unwatch = this.silence === undefined
      ? ignore
      : Silence.watch(raw, duplex, this.silence, () => duplex.destroy())
    raw.once("close", () => {
      this.waiting.delete(guest)
      unwatch()
    })
    if (this.handle === undefined) this.waiting.add(guest)
    else this.handle(guest)
  }
}

const endOf = ({ remoteAddress, remoteFamily, remotePort }: Net.Socket): string =>
  remoteFamily === "IPv6" ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`

const ignore = () => {}
