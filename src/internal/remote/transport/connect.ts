/**
 * Opens one connection, over TLS with a key of the shared secret or in clear.
 *
 * Must stay true: the connection ends at once with its scope, and bytes that were not sent by then are dropped. It is
 * never reopened: a caller that wants another connection calls `connect` again. Without a secret nothing is sent to
 * another machine.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Address from "../../address.ts"
import { describeNetworkError } from "../../networkError.ts"
import * as Identity from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { RemoteError, Unauthorized, Unreachable } from "./error.ts"
import * as Heartbeat from "./heartbeat.ts"

/** How long opening a connection may take, and the answer to the handshake on it, in milliseconds. */
export const CONNECT_TIMEOUT = 5000

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly secret: Secret | undefined
  /** The identity of this process. Without a secret it is not sent. */
  readonly identity: Identity.Identity
  /** How long opening the connection may take, in milliseconds. */
  readonly connectTimeout: number
  /** How long the peer may send nothing, in milliseconds. */
  readonly heartbeatTimeout: number | undefined
}

export interface Connection {
  /** `host:port` of the peer. */
  readonly address: string
  readonly identity: Identity.Identity
  readonly socket: Socket.Socket
  /** Completes with the reason when the connection has ended. */
  readonly closed: Effect.Effect<string>
  readonly close: Effect.Effect<void>
  /** Nothing can be sent any more. */
  readonly isClosed: () => boolean
  /** The bytes on the network so far. */
  readonly bytes: { readonly sent: number; readonly received: number }
  /** Whether the connection was ended because the peer had sent nothing for too long. */
  readonly isSilent: () => boolean
}

export const connect: (options: ConnectOptions) => Effect.Effect<Connection, RemoteError, Scope.Scope> = Effect
  .fnUntraced(function*(options: ConnectOptions) {
    // Of a host name this is known only once it is connected.
    if (options.secret === undefined && Net.isIP(options.host) !== 0 && !Address.isLoopback(options.host)) {
      return yield* new RemoteError({ reason: needsSecret(Address.format(options)) })
    }
    const opening = yield* Effect.acquireRelease(
      Effect.sync(() => new Opening(options)),
      (opening) => Effect.sync(() => opening.end("closed by this process"))
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
      close: Effect.sync(() => opening.end("closed by this process")),
      isClosed,
      bytes: {
        get sent() {
          // Without the bytes that still wait in memory, and never leave it if the connection ends now.
          return opening.raw.bytesWritten - opening.raw.writableLength
        },
        get received() {
          return opening.raw.bytesRead
        }
      },
      isSilent: () => opening.silent
    }
  })

const closed = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

/** A connection from the attempt to its end. */
class Opening {
  readonly address: string
  readonly ready = Deferred.makeUnsafe<Net.Socket, RemoteError>()
  readonly closed = Deferred.makeUnsafe<string>()
  readonly raw: Net.Socket
  private readonly options: ConnectOptions
  private readonly key: ReturnType<typeof Identity.clientKey> | undefined
  private readonly timer: NodeJS.Timeout
  private duplex: Net.Socket
  private reason = "closed by the peer"
  /** The peer has sent nothing for too long. */
  silent = false

  constructor(options: ConnectOptions) {
    const { host, identity, connectTimeout, port, secret } = options
    this.options = options
    this.key = secret === undefined ? undefined : Identity.clientKey(secret, identity)
    this.address = Address.format({ host, port })
    this.timer = setTimeout(() => this.unreachable(`did not answer within ${connectTimeout} ms`), connectTimeout)
    this.raw = Net.connect({ host, port, noDelay: true })
    this.duplex = this.raw
    this.raw.on("error", (error) => this.unreachable(describeNetworkError(error)))
    this.raw.once("close", () => {
      this.unreachable("closed the connection")
      Deferred.doneUnsafe(this.closed, Effect.succeed(this.reason))
    })
    this.raw.once("connect", () => {
      if (this.key !== undefined) this.handshake(this.key)
      else if (Address.isLoopback(this.raw.remoteAddress)) this.opened(this.raw)
      else this.failed(needsSecret(this.address))
    })
  }

  /** Nothing more is sent or received. */
  end(reason: string): void {
    if (!this.raw.destroyed) this.reason = reason
    clearTimeout(this.timer)
    // With an error a reader fails. Without one it would end as if the peer had finished.
    this.duplex.destroy(new Error(reason))
    this.raw.destroy()
  }

  private handshake(key: ReturnType<typeof Identity.clientKey>): void {
    const tls = Tls.connect({
      ...Identity.tlsOptions,
      socket: this.raw,
      pskCallback: () => key,
      // There is no certificate: only the right server has the key.
      checkServerIdentity: () => undefined
    })
    this.duplex = tls
    tls.once("secureConnect", () => this.opened(tls))
    tls.on("error", (error: NodeJS.ErrnoException) => {
      // Any other error is one of the network.
      if (error.code?.startsWith("ERR_SSL_")) this.unauthorized()
      else this.unreachable(describeNetworkError(error))
    })
  }

  private opened(duplex: Net.Socket): void {
    clearTimeout(this.timer)
    const { heartbeatTimeout: timeout } = this.options
    duplex.pause()
    if (timeout !== undefined) {
      const unwatch = Heartbeat.watch(
        this.raw,
        duplex,
        timeout,
        () => {
          this.silent = true
          this.end(`the peer sent nothing for ${timeout} ms`)
        }
      )
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

  /** On a connection that was open already, this only gives the reason of its end. */
  private failed(reason: Unauthorized | Unreachable): void {
    Deferred.doneUnsafe(this.ready, Effect.fail(new RemoteError({ reason })))
    this.end(reason.message)
  }
}

const needsSecret = (address: string): Unauthorized =>
  new Unauthorized({
    address,
    message: "is on another machine, and this process has no secret: without one it connects to this machine only. " +
      "Set PAPYROS_SECRET to the secret of the deployment."
  })

/** The message of a refusal. Servers answer all causes alike, so that it can name no single one. */
export const refusal = (identity: Identity.Identity): string =>
  `refused ${Identity.format(identity)}: wrong or missing secret, or not of this group. ` +
  "Both sides need the same PAPYROS_SECRET."
