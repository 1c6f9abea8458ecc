/**
 * The other end of a connection that this process has accepted, and the limits that hold while it is unauthenticated:
 * 64 such connections at a time, 5 seconds and 4096 bytes each. With TLS the handshake authenticates a peer; without,
 * the first handler that accepts its request does.
 *
 * Must stay true: at the limit the oldest pending connection of the source with the most of them is dropped. So a source
 * that opens connections without end locks out itself, and no peer of another source; and of one source the newest
 * connection is not the one that is dropped. An identity is always proven; without TLS there is none.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import * as Address from "../../address.ts"
import { describeNetworkError } from "../../networkError.ts"
import type { Identity } from "../auth/identity.ts"

/** Pending connections at a time. */
const MAX_UNAUTHENTICATED = 64

/** How long a connection may be pending, in milliseconds. */
const AUTH_TIMEOUT = 5000

/** How much a pending peer may send, in bytes. During a TLS handshake, OpenSSL enforces a limit of its own. */
const MAX_UNAUTHENTICATED_BYTES = 4096

export class Peer {
  /** The TCP connection. */
  readonly raw: Net.Socket
  readonly remoteAddress: string
  /** The source by which pending connections are limited. */
  readonly source: string
  private readonly pending: PendingPeers
  private current: "pending" | "authenticated" = "pending"
  private socket: Net.Socket
  private proven: Identity | undefined
  /** The time for which the peer had sent nothing when the connection was ended because of that, in milliseconds. */
  private silence: number | undefined
  private closedHere = false
  private write: ((parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void>) | undefined

  constructor(raw: Net.Socket, pending: PendingPeers) {
    this.raw = raw
    this.remoteAddress = Address.formatRemote(raw)
    this.source = Address.sourceOf(raw.remoteAddress ?? "")
    this.socket = raw
    this.pending = pending
    pending.add(this)
  }

  get state(): "pending" | "authenticated" {
    return this.current
  }

  /** The stream of the application's bytes: `raw`, or TLS on it. */
  get duplex(): Net.Socket {
    return this.socket
  }

  /** `undefined` without TLS: nothing is known of the peer then. */
  get identity(): Identity | undefined {
    return this.proven
  }

  /** Lifts the limits on pending peers. */
  authenticate(): void {
    this.current = "authenticated"
    this.pending.delete(this)
  }

  /** The TLS handshake on `raw` has proven the identity. */
  authenticateByTls(socket: Net.Socket, identity: Identity): void {
    this.socket = socket
    this.proven = identity
    this.authenticate()
  }

  /** Whether the peer has sent more than it may. */
  get exceedsLimit(): boolean {
    return this.current === "pending" && this.raw.bytesRead > MAX_UNAUTHENTICATED_BYTES
  }

  /** Nothing can be sent any more. */
  get isClosed(): boolean {
    return this.socket.destroyed
  }

  /** Called by the server of the connection. */
  sendsBy(write: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void>): void {
    this.write = write
  }

  /** Sends a message; completes when the socket can take more. A peer that has gone needs no message. */
  send(parts: ReadonlyArray<Uint8Array>): Effect.Effect<void> {
    // A write to an ended socket never completes.
    return this.isClosed || this.write === undefined ? Effect.void : this.write(parts)
  }

  /** Whether the connection was ended because the peer had sent nothing for too long. */
  get isSilent(): boolean {
    return this.silence !== undefined
  }

  /** The reason why the connection is lost; empty if it is open, or closed by this process. */
  get loss(): string {
    if (this.silence !== undefined) return `the peer sent nothing for ${this.silence} ms`
    const error = this.socket.errored ?? this.raw.errored
    if (error !== null) return describeNetworkError(error)
    return this.hasEnded && !this.closedHere ? "closed by the peer" : ""
  }

  private get hasEnded(): boolean {
    return this.socket.destroyed || this.socket.readableEnded
  }

  /** Ends the connection at once, and with it every call that is handled for it. */
  close(): void {
    this.closedHere ||= !this.hasEnded
    this.socket.destroy()
  }

  /** Ends the connection of a peer that has sent nothing for too long. */
  closeSilent(millis: number): void {
    this.silence = millis
    this.close()
  }
}

/** Bounds the number of pending peers, and the time of each. */
export class PendingPeers {
  private readonly timers = new Map<Peer, NodeJS.Timeout>()
  /** The same peers by their source, oldest first. */
  private readonly sources = new Map<string, Set<Peer>>()

  get size(): number {
    return this.timers.size
  }

  add(peer: Peer): void {
    let ofSource = this.sources.get(peer.source)
    if (ofSource === undefined) this.sources.set(peer.source, ofSource = new Set())
    ofSource.add(peer)
    if (this.timers.size >= MAX_UNAUTHENTICATED) this.dropOne()
    this.timers.set(peer, setTimeout(() => peer.raw.destroy(), AUTH_TIMEOUT).unref())
    peer.raw.once("close", () => this.delete(peer))
  }

  delete(peer: Peer): void {
    clearTimeout(this.timers.get(peer))
    this.timers.delete(peer)
    const ofSource = this.sources.get(peer.source)
    if (ofSource?.delete(peer) === true && ofSource.size === 0) this.sources.delete(peer.source)
  }

  private dropOne(): void {
    let most = new Set<Peer>()
    for (const ofSource of this.sources.values()) if (ofSource.size > most.size) most = ofSource
    const [oldest] = most
    this.delete(oldest)
    oldest.raw.destroy()
  }
}

/**
 * The peer of the connection that a call came over. Handlers have it in their context without asking for it in their
 * type: it comes with the connection, not with their Layer.
 */
export class CurrentPeer extends Context.Service<CurrentPeer, Peer>()("papyros/remote/Peer") {}

export const currentPeer: Effect.Effect<Peer> = Effect.contextWith((context: Context.Context<never>) => {
  const peer = Context.getOrUndefined(context, CurrentPeer)
  return peer === undefined
    ? Effect.die(new Error("no CurrentPeer: this call did not come over a connection of `listen`"))
    : Effect.succeed(peer)
})
