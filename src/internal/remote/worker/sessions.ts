/**
 * The sessions of the clients at a worker process, with their connections and their credit.
 *
 * Must stay true: a session without a connection is kept for 8 seconds, in which its client can continue it over
 * another connection; then its tasks are interrupted. The clients that have tasks here have together a credit of about
 * twice the slots, so that half of the chunks can run while the other half waits. Every client has a credit of at least 1.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Cancel } from "../../scheduler/contract.ts"
import type { Scheduler } from "../../scheduler/scheduler.ts"
import {
  type Commands,
  type Events,
  type OpenSession,
  SESSION_TIMEOUT,
  UnknownSession,
  type WorkerStatus
} from "../protocol/messages.ts"
import { ClientSession, type ClientSessionOptions } from "./session.ts"

export interface ClientSessionsOptions extends Omit<ClientSessionOptions, "after" | "onIdle"> {
  readonly scheduler: Scheduler
  /** Runs an Effect that writes to the log. */
  readonly log: (entry: Effect.Effect<void>) => void
}

/** A connection to a client. */
export interface ClientConnection {
  /** Whether the client has sent nothing for too long. */
  readonly isSilent: boolean
  /** The address of the client, for the log. */
  readonly remoteAddress: string
  /** The reason why the connection is lost; empty if it is open, or closed by this process. */
  readonly loss: string
}

/**
 * How long a client without tasks keeps its share of the credit, in milliseconds. Otherwise the credit of all clients
 * would change with each task of a client that sends one task after another.
 */
const IDLE_DELAY = 50

/**
 * The largest number of sessions without a connection. When there are more, the oldest of those without tasks ends, or
 * the oldest of all if each has tasks.
 */
const MAX_DETACHED = 64

/** A session and its connection. */
export interface Attachment {
  readonly id: string
  readonly session: ClientSession
  /** The address of the client over its latest connection. */
  client: string
  connection: ClientConnection | undefined
  /** Completes when another connection replaces this one, and then ends the stream of this one. */
  replaced: Deferred.Deferred<void>
  /** Cancels the end of a session without a connection. */
  cancelEnd: Cancel | undefined
}

export class ClientSessions {
  private readonly options: ClientSessionsOptions
  private readonly sessions = new Map<string, Attachment>()
  private readonly byConnection = new Map<ClientConnection, Attachment>()
  /** The sessions without a connection, in the order in which they lost it. */
  private readonly detached = new Set<Attachment>()
  /** The clients that share the credit: those that have tasks, and those that had tasks within `IDLE_DELAY`. */
  private readonly sharing = new Set<ClientSession>()
  private reviewing = false
  private draining = false
  private onEmpty: (() => void) | undefined

  constructor(options: ClientSessionsOptions) {
    this.options = options
  }

  get status(): typeof WorkerStatus.Type {
    const { scheduler, slots, worker } = this.options
    const { failed, running, succeeded, waiting } = scheduler.status
    return { worker, slots, clients: this.sessions.size, running, waiting, succeeded, failed }
  }

  /** Opens or continues a session over a connection. When the stream ends, the session has lost the connection. */
  events(
    connection: ClientConnection,
    request: typeof OpenSession.Type
  ): Stream.Stream<typeof Events.Type, UnknownSession> {
    return Stream.unwrap(Effect.map(
      Effect.acquireRelease(
        Effect.suspend(() => this.attach(connection, request)),
        (attachment) => Effect.sync(() => this.detach(connection, attachment))
      ),
      (attachment) =>
        attachment === undefined
          ? Stream.empty
          : Stream.interruptWhen(
            Stream.fromEffectRepeat(attachment.session.events.take),
            Deferred.await(attachment.replaced)
          )
    ))
  }

  /** Throws for commands that no client of this version sends. */
  onCommands(connection: ClientConnection, commands: typeof Commands.Type): void {
    const attachment = this.byConnection.get(connection)
    if (attachment === undefined) throw new Error("commands without a session")
    const { session } = attachment
    session.onCommands(commands)
    if (!session.busy || this.sharing.has(session)) return
    this.sharing.add(session)
    this.shareCredit()
  }

  /** Ends a session, and interrupts its tasks. */
  end(id: string): void {
    const attachment = this.sessions.get(id)
    if (attachment !== undefined) this.close(attachment)
  }

  /** Ends the session of a connection. */
  endOf(connection: ClientConnection): void {
    const attachment = this.byConnection.get(connection)
    if (attachment !== undefined) this.close(attachment)
  }

  /** Returns all tasks that have not started. Completes when all sessions have ended. */
  readonly drain: Effect.Effect<void> = Effect.callback((resume) => {
    this.draining = true
    for (const { session } of this.sessions.values()) session.drain()
    if (this.sessions.size === 0) return resume(Effect.void)
    this.onEmpty = () => resume(Effect.void)
  })

  /** Opens or continues a session over a connection; `undefined` if there can be none. */
  attach(
    connection: ClientConnection,
    request: typeof OpenSession.Type
  ): Effect.Effect<Attachment | undefined, UnknownSession> {
    if (this.byConnection.has(connection)) return Effect.succeed(undefined)
    const known = this.sessions.get(request.session)
    if (request.resume) {
      if (known === undefined) return Effect.fail(new UnknownSession())
      return Effect.sync(() => this.resume(connection, known, request.received))
    }
    return Effect.sync(() => known === undefined ? this.open(connection, request) : undefined)
  }

  private open(connection: ClientConnection, request: typeof OpenSession.Type): Attachment | undefined {
    const { scheduler } = this.options
    if (this.draining) return undefined
    const session = new ClientSession({
      ...this.options,
      maxTaskBytes: Math.min(this.options.maxTaskBytes, request.maxTaskBytes),
      after: (millis, f) => scheduler.after(millis, f),
      onIdle: this.onIdle
    })
    const subscription = scheduler.subscribe(session)
    if (subscription === undefined) return undefined
    session.subscribed(subscription)
    const replaced = Deferred.makeUnsafe<void>()
    const client = connection.remoteAddress
    const attachment = { id: request.session, session, client, connection, replaced, cancelEnd: undefined }
    this.sessions.set(request.session, attachment)
    this.byConnection.set(connection, attachment)
    this.shareCredit()
    return attachment
  }

  private resume(connection: ClientConnection, attachment: Attachment, received: number): Attachment {
    attachment.session.events.resume(received)
    this.leaveConnection(attachment)
    attachment.cancelEnd?.()
    attachment.cancelEnd = undefined
    this.detached.delete(attachment)
    attachment.replaced = Deferred.makeUnsafe<void>()
    attachment.connection = connection
    attachment.client = connection.remoteAddress
    this.byConnection.set(connection, attachment)
    return attachment
  }

  /** The session has lost the connection. It ends now if the client was silent, and else if the client is not back. */
  detach(connection: ClientConnection, attachment: Attachment | undefined): void {
    if (attachment?.connection !== connection) return
    this.leaveConnection(attachment)
    const { log, scheduler } = this.options
    const { isSilent, loss } = connection
    // A client that was silent for too long has ended its session too.
    if (isSilent) return this.lose(attachment, loss)
    if (loss !== "") log(Effect.logInfo(`The connection to client ${attachment.client} is lost: ${loss}`))
    attachment.cancelEnd = scheduler.after(
      SESSION_TIMEOUT,
      () => this.lose(attachment, `it was not back within ${SESSION_TIMEOUT} ms`)
    )
    this.detached.add(attachment)
    if (this.detached.size <= MAX_DETACHED) return
    const [oldest] = this.detached
    const idle = Array.from(this.detached).find(({ session }) => !session.busy)
    this.lose(idle ?? oldest, `more than ${MAX_DETACHED} clients have lost their connections`)
  }

  private lose(attachment: Attachment, reason: string): void {
    this.options.log(Effect.logWarning(`Client ${attachment.client} is lost: ${reason}`))
    this.close(attachment)
  }

  private leaveConnection(attachment: Attachment): void {
    if (attachment.connection === undefined) return
    this.byConnection.delete(attachment.connection)
    attachment.connection = undefined
    Deferred.doneUnsafe(attachment.replaced, Effect.void)
  }

  private close(attachment: Attachment): void {
    if (!this.sessions.delete(attachment.id)) return
    const { session } = attachment
    this.leaveConnection(attachment)
    attachment.cancelEnd?.()
    this.detached.delete(attachment)
    this.sharing.delete(session)
    // A slot of the session becomes free when its task has stopped. The end of the stream does not wait for that.
    session.end(() => {})
    if (!this.draining) this.shareCredit()
    else if (this.sessions.size === 0) this.onEmpty?.()
  }

  private readonly onIdle = (): void => {
    if (this.reviewing || this.draining) return
    this.reviewing = true
    this.options.scheduler.after(IDLE_DELAY, () => {
      this.reviewing = false
      for (const session of this.sharing) if (!session.busy) this.sharing.delete(session)
      if (!this.draining) this.shareCredit()
    })
  }

  /** Grants each client its share. A client without tasks gets the share that it would have with tasks. */
  private shareCredit(): void {
    const sharing = this.sharing.size
    for (const { session } of this.sessions.values()) {
      const clients = this.sharing.has(session) ? sharing : sharing + 1
      session.grant(Math.max(1, Math.floor(2 * this.options.slots / clients)))
    }
  }
}
