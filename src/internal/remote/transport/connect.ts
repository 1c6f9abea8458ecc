/**
 * Opens one connection, over TLS by a shared secret or in clear, which ends with its
 * scope: at once, so what was not sent by then is dropped. It is never opened again;
 * who wants another makes another.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Identity from "../auth/identity.ts"
import * as Psk from "../auth/psk.ts"
import * as Secret from "../auth/secret.ts"
import * as Address from "./address.ts"
import { RemoteError, Unauthorized, Unreachable } from "./error.ts"
import * as Silence from "./heartbeat.ts"

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly secret: Secret.Secret | undefined
  /** Who this process is. Without a secret nobody is told. */
  readonly identity: Identity.Identity
  /** How long opening it may take, in milliseconds. */
  readonly openTimeout: number
  /** How long the peer may say nothing, in milliseconds. */
  readonly silence: number | undefined
}

export interface Connection {
  /** `host:port` of the peer. */
  readonly address: string
  readonly identity: Identity.Identity
  readonly socket: Socket.Socket
  /** Completes when it has ended, with why. */
  readonly closed: Effect.Effect<string>
  readonly close: Effect.Effect<void>
  /** Nothing can be sent any more. */
  readonly isClosed: () => boolean
  /** Whether the peer has ever said anything, a TLS handshake included. */
  readonly wasAnswered: () => boolean
}

export const connect: (options: ConnectOptions) => Effect.Effect<Connection, RemoteError, Scope.Scope> = Effect
  .fnUntraced(function*(options: ConnectOptions) {
    const opening = yield* Effect.acquireRelease(
      Effect.sync(() => new Opening(options)),
      (opening) => Effect.sync(() => opening.end("closed from here"))
    )
    const duplex = yield* Deferred.await(opening.ready)
    const isClosed = () => duplex.destroyed
    const socket = yield* NodeSocket.fromDuplex(
      Effect.suspend(() => isClosed() ? Effect.fail(closed) : Effect.succeed(duplex))
    )
    return {
      address: opening.address,
      identity: options.identity,
      socket,
      closed: Deferred.await(opening.closed),
      close: Effect.sync(() => opening.end("closed from here")),
      isClosed,
      wasAnswered: () => opening.raw.bytesRead > 0
    }
  })

const closed = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

/** A connection from the first attempt to its end. */
class Opening {
  readonly address: string
  readonly ready = Deferred.makeUnsafe<Net.Socket, RemoteError>()
  readonly closed = Deferred.makeUnsafe<string>()
  readonly raw: Net.Socket
  private readonly options: ConnectOptions
  private readonly key: Buffer | undefined
  private readonly timer: NodeJS.Timeout
  private duplex: Net.Socket
  private why = "closed by the peer"

  constructor(options: ConnectOptions) {
    const { host, identity, openTimeout, port, secret } = options
    this.options = options
    this.key = secret === undefined ? undefined : Secret.keyOf(secret, identity)
    this.address = Address.format({ host, port })
    this.timer = setTimeout(() => this.unreachable(`did not answer within ${openTimeout} ms`), openTimeout)
    this.raw = Net.connect({ host, port, noDelay: true })
    this.duplex = this.raw
    this.raw.on("error", (error) => this.unreachable(error.message))
    this.raw.once("close", () => {
      this.unreachable("closed the connection")
      Deferred.doneUnsafe(this.closed, Effect.succeed(this.why))
    })
    this.raw.once("connect", () => this.key === undefined ? this.opened(this.raw) : this.handshake(this.key))
  }

  /** Nothing more is sent or received. */
  end(why: string): void {
    if (!this.raw.destroyed) this.why = why
    clearTimeout(this.timer)
    // An error, because a reader is to fail, and not to end.
    this.duplex.destroy(new Error(why))
    this.raw.destroy()
  }

  private handshake(psk: Buffer): void {
    const identity = Identity.format(this.options.identity)
    const tls = Tls.connect({
      ...Psk.options,
      socket: this.raw,
      pskCallback: () => ({ identity, psk }),
      // Who has the key is the right one: there is no certificate.
      checkServerIdentity: () => undefined
    })
    this.duplex = tls
    tls.once("secureConnect", () => this.opened(tls))
    tls.on("error", (error: NodeJS.ErrnoException) => {
      // All else is of the network.
      if (error.code?.startsWith("ERR_SSL_")) this.unauthorized()
      else this.unreachable(error.message)
    })
  }

  private opened(duplex: Net.Socket): void {
    clearTimeout(this.timer)
    const { silence } = this.options
    duplex.pause()
    if (silence !== undefined) {
      const unwatch = Silence.watch(this.raw, duplex, silence, () => this.end(`silent for ${silence} ms`))
      this.raw.once("close", unwatch)
    }
    Deferred.doneUnsafe(this.ready, Effect.succeed(duplex))
  }

  private unauthorized(): void {
    this.failed(new Unauthorized({ address: this.address, message: refusal(this.options.identity) }))
  }

  private unreachable(message: string): void {
    this.failed(new Unreachable({ address: this.address, message }))
  }

  /** Of a connection that was open already it is only why it has ended. */
  private failed(reason: Unauthorized | Unreachable): void {
    Deferred.doneUnsafe(this.ready, Effect.fail(new RemoteError({ reason })))
    this.end(reason.message)
  }
}

/** What is known of a refusal: it is all the same to the other side, which tells nobody which it was. */
export const refusal = (identity: Identity.Identity): string =>
  `did not let ${Identity.format(identity)} in: it has another secret or none, or it is of another group. ` +
  "Both sides need the same PAPYROS_SECRET."
