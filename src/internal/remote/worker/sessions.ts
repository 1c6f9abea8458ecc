/**
 * The sessions of the clients of a worker process, their connections, and the credit of each.
 *
 * Must stay true: a session whose connection is lost goes on for 8 seconds, so that its client can come back over another
 * connection; then its tasks are interrupted. The credit of all clients that have tasks here is together about twice the
 * slots, as many chunks to run as to wait, and every client may always have one chunk.
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

export interface ClientSessionsOptions extends Omit<ClientSessionOptions, "onIdle"> {
  readonly scheduler: Scheduler
}

/** A connection to a client. */
export interface ClientConnection {
  /** Whether the client has sent nothing for too long. */
  readonly isSilent: boolean
}

/**
 * How long a client that has no task any more keeps its share of the credit, in milliseconds, so that the credit of all
 * does not change with each task of a client that sends one after the other.
 */
const IDLE_DELAY = 50

/** Sessions without a connection. A further one drops the oldest. */
const MAX_DETACHED = 64

/** A session and its connection. */
interface Attachment {
  readonly id: string
  readonly session: ClientSession
  connection: ClientConnection | undefined
  /** Ends the stream of the connection, because another one has taken its place. */
  replaced: Deferred.Deferred<void>
  /** Cancels the end of a session without a connection. */
  cancelEnd: Cancel | undefined
}

export class ClientSessions {
  private readonly options: ClientSessionsOptions
  private readonly sessions = new Map<string, Attachment>()
  private readonly byConnection = new Map<ClientConnection, Attachment>()
  /** By the time at which each has lost its connection. */
  private readonly detached = new Set<Attachment>()
  /** Clients that share the credit: those with tasks, and those that had some a moment ago. */
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

  /** Opens a session, or goes on with it, as long as the stream runs. */
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

  /** Returns all that has not started; completes when nothing runs any more and all clients have disconnected. */
  readonly drain: Effect.Effect<void> = Effect.callback((resume) => {
    this.draining = true
    for (const { session } of this.sessions.values()) session.drain()
    if (this.sessions.size === 0) return resume(Effect.void)
    this.onEmpty = () => resume(Effect.void)
  })

  private attach(
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
      onIdle: this.onIdle
    })
    const subscription = scheduler.subscribe(session)
    if (subscription === undefined) return undefined
    session.subscribed(subscription)
    const replaced = Deferred.makeUnsafe<void>()
    const attachment = { id: request.session, session, connection, replaced, cancelEnd: undefined }
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
    this.byConnection.set(connection, attachment)
    return attachment
  }

  /** The stream of a connection has ended. */
  private detach(connection: ClientConnection, attachment: Attachment | undefined): void {
    if (attachment?.connection !== connection) return
    this.leaveConnection(attachment)
    // A client that was silent for so long is lost already.
    if (connection.isSilent) return this.close(attachment)
    attachment.cancelEnd = this.options.scheduler.after(SESSION_TIMEOUT, () => this.close(attachment))
    this.detached.add(attachment)
    if (this.detached.size <= MAX_DETACHED) return
    const [oldest] = this.detached
    this.close(oldest)
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
    // The slots of its tasks become free when the tasks have stopped. The stream need not wait for that.
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

  /** A client without tasks may send as much as its share would be with tasks. */
  private shareCredit(): void {
    const sharing = this.sharing.size
    for (const { session } of this.sessions.values()) {
      const clients = this.sharing.has(session) ? sharing : sharing + 1
      session.grant(Math.max(1, Math.floor(2 * this.options.slots / clients)))
    }
  }
}
