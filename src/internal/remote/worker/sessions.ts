/**
 * The clients of a worker process: each has the credit that its share of the slots
 * is worth, and when its connection ends, its tasks are interrupted.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Scheduler } from "../../scheduler/scheduler.ts"
import type { Commands, Events, WorkerStatus } from "../protocol/messages.ts"
import { ClientSession, type ClientSessionOptions } from "./session.ts"

export interface ClientSessionsOptions extends ClientSessionOptions {
  readonly hub: Scheduler
}

/** `K` tells connections apart. */
export class ClientSessions<K extends object> {
  private readonly options: ClientSessionsOptions
  private readonly relays = new Map<K, ClientSession>()
  private leaving = false
  private onEmpty: (() => void) | undefined

  constructor(options: ClientSessionsOptions) {
    this.options = options
  }

  get status(): typeof WorkerStatus.Type {
    const { hub, slots, worker } = this.options
    const { failed, running, succeeded } = hub.status
    let open = 0
    for (const relay of this.relays.values()) open += relay.open
    const waiting = Math.max(0, open - running)
    return { worker, slots, clients: this.relays.size, running, waiting, succeeded, failed }
  }

  /** Takes a connection in, and tells it what becomes of its tasks until it ends. */
  outcomes(key: K, maxTaskBytes: number): Stream.Stream<typeof Events.Type> {
    return Stream.unwrap(Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => this.open(key, maxTaskBytes)),
        (relay) => Effect.sync(() => this.close(key, relay))
      ),
      (relay) => relay === undefined ? Stream.empty : Stream.fromEffectRepeat(relay.news.take)
    ))
  }

  /** Throws for orders that no client of this version gives. */
  order(key: K, orders: typeof Commands.Type): void {
    this.relays.get(key)?.order(orders)
  }

  /** Gives back what has not started, and completes when nothing runs any more and all clients have gone. */
  readonly leave: Effect.Effect<void> = Effect.callback((resume) => {
    this.leaving = true
    for (const relay of this.relays.values()) relay.leave()
    if (this.relays.size === 0) return resume(Effect.void)
    this.onEmpty = () => resume(Effect.void)
  })

  private open(key: K, maxTaskBytes: number): ClientSession | undefined {
    const { hub } = this.options
    if (this.leaving || this.relays.has(key)) return undefined
    const relay = new ClientSession({
      ...this.options,
      maxTaskBytes: Math.min(this.options.maxTaskBytes, maxTaskBytes)
    })
    const link = hub.subscribe(relay)
    if (link === undefined) return undefined
    relay.attached(link)
    this.relays.set(key, relay)
    this.share()
    return relay
  }

  private close(key: K, relay: ClientSession | undefined): void {
    if (relay === undefined) return
    this.relays.delete(key)
    // Its slots are free when what ran in them has stopped; nobody waits for that.
    relay.end(() => {})
    if (!this.leaving) this.share()
    else if (this.relays.size === 0) this.onEmpty?.()
  }

  /** As many full chunks as there are slots may run, and as many wait, over all clients; each may always have one. */
  private share(): void {
    if (this.relays.size === 0) return
    const credit = Math.max(1, Math.floor(2 * this.options.slots / this.relays.size))
    for (const relay of this.relays.values()) relay.grant(credit)
  }
}
