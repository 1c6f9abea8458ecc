/**
 * The clients of a worker process, and the credit of each.
 *
 * Must stay true: when a connection ends, the tasks of its client are interrupted. The credit of all clients together
 * is about twice the slots, as many chunks to run as to wait, and every client may always have one chunk.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Scheduler } from "../../scheduler/scheduler.ts"
import type { Commands, Events, WorkerStatus } from "../protocol/messages.ts"
import { ClientSession, type ClientSessionOptions } from "./session.ts"

export interface ClientSessionsOptions extends ClientSessionOptions {
  readonly scheduler: Scheduler
}

/** `K` is the identity of a connection. */
export class ClientSessions<K extends object> {
  private readonly options: ClientSessionsOptions
  private readonly sessions = new Map<K, ClientSession>()
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
    this.sessions.get(key)?.onCommands(commands)
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
      maxTaskBytes: Math.min(this.options.maxTaskBytes, maxTaskBytes)
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
    // The slots of its tasks become free when the tasks have stopped. The stream need not wait for that.
    session.end(() => {})
    if (!this.draining) this.shareCredit()
    else if (this.sessions.size === 0) this.onEmpty?.()
  }

  private shareCredit(): void {
    if (this.sessions.size === 0) return
    const credit = Math.max(1, Math.floor(2 * this.options.slots / this.sessions.size))
    for (const session of this.sessions.values()) session.grant(credit)
  }
}
