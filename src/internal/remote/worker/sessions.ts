/**
 * The clients of a worker process, and the credit of each.
 *
 * Must stay true: when a connection ends, the tasks of its client are interrupted. The credit of all clients that have
 * tasks here is together about twice the slots, as many chunks to run as to wait, and every client may always have one
 * chunk.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Scheduler } from "../../scheduler/scheduler.ts"
import type { Commands, Events, WorkerStatus } from "../protocol/messages.ts"
import { ClientSession, type ClientSessionOptions } from "./session.ts"

export interface ClientSessionsOptions extends Omit<ClientSessionOptions, "onIdle"> {
  readonly scheduler: Scheduler
}

/**
 * How long a client that has no task any more keeps its share of the credit, in milliseconds, so that the credit of all
 * does not change with each task of a client that sends one after the other.
 */
const IDLE_DELAY = 50

/** `K` is the identity of a connection. */
export class ClientSessions<K extends object> {
  private readonly options: ClientSessionsOptions
  private readonly sessions = new Map<K, ClientSession>()
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

  /** Opens the session of a connection. The session ends with the stream. */
  events(key: K, maxTaskBytes: number): Stream.Stream<typeof Events.Type> {
    return Stream.unwrap(Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => this.open(key, maxTaskBytes)),
        (session) => Effect.sync(() => this.close(key, session))
      ),
      (session) => session === undefined ? Stream.empty : Stream.fromEffectRepeat(session.events.take)
    ))
  }

  /** Throws for commands that no client of this version sends. */
  onCommands(key: K, commands: typeof Commands.Type): void {
    const session = this.sessions.get(key)
    if (session === undefined) throw new Error("commands without a session")
    session.onCommands(commands)
    if (!session.busy || this.sharing.has(session)) return
    this.sharing.add(session)
    this.shareCredit()
  }

  /** Returns all that has not started; completes when nothing runs any more and all clients have disconnected. */
  readonly drain: Effect.Effect<void> = Effect.callback((resume) => {
    this.draining = true
    for (const session of this.sessions.values()) session.drain()
    if (this.sessions.size === 0) return resume(Effect.void)
    this.onEmpty = () => resume(Effect.void)
  })

  private open(key: K, maxTaskBytes: number): ClientSession | undefined {
    const { scheduler } = this.options
    if (this.draining || this.sessions.has(key)) return undefined
    const session = new ClientSession({
      ...this.options,
      maxTaskBytes: Math.min(this.options.maxTaskBytes, maxTaskBytes),
      onIdle: this.onIdle
    })
    const subscription = scheduler.subscribe(session)
    if (subscription === undefined) return undefined
    session.subscribed(subscription)
    this.sessions.set(key, session)
    this.shareCredit()
    return session
  }

  private close(key: K, session: ClientSession | undefined): void {
    if (session === undefined) return
    this.sessions.delete(key)
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
    for (const session of this.sessions.values()) {
      const clients = this.sharing.has(session) ? sharing : sharing + 1
      session.grant(Math.max(1, Math.floor(2 * this.options.slots / clients)))
    }
  }
}
