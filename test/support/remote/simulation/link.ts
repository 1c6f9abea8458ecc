/**
 * A connection of a simulation: two streams of bytes between a client and a worker, which arrive late, stop, or end. Each
 * side ends it when it has received nothing for too long, by its own clock, as the heartbeat does.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { HEARTBEAT_TIMEOUT, PING_INTERVAL } from "../../../../src/internal/remote/transport/heartbeat.ts"
import type { Dice } from "../../../../src/testing/random.ts"
import type { World } from "../../../../src/testing/simulation/world.ts"
import type { PartyClock } from "./partyClock.ts"

/** The state of the network between two processes, which faults change. */
export interface Network {
  /** The longest delay of a message, in milliseconds. */
  delay: number
  /** Silently, nothing arrives any more, nor does the end of a connection. */
  halfOpen: boolean
}

type Deliver = (bytes: Uint8Array) => void

/** One side of a connection. */
export class End {
  readonly clock: PartyClock
  readonly closed = Deferred.makeUnsafe<string>()
  reason: string | undefined
  silent = false
  /** Takes the bytes that arrive. Bytes that arrive before there is a receiver wait. */
  private receiver: Deliver | undefined
  private readonly arrived: Array<Uint8Array> = []
  private lastReceived: number
  private lastCheck: number

  constructor(clock: PartyClock) {
    this.clock = clock
    this.lastReceived = this.lastCheck = clock.now
  }

  get isOpen(): boolean {
    return this.reason === undefined
  }

  onBytes(receiver: Deliver): void {
    this.receiver = receiver
    for (const bytes of this.arrived.splice(0)) receiver(bytes)
  }

  /** Anything arrived, such as an answer to a ping. */
  heard(): void {
    this.lastReceived = this.clock.now
  }

  arrive(bytes: Uint8Array): void {
    if (!this.isOpen) return
    this.heard()
    if (this.receiver === undefined) this.arrived.push(bytes)
    else this.receiver(bytes)
  }

  end(reason: string): void {
    if (!this.isOpen) return
    this.reason = reason
    Deferred.doneUnsafe(this.closed, Effect.succeed(reason))
  }

  /** As `Heartbeat.watch`. */
  check(): void {
    const { now } = this.clock
    const wasSuspended = now - this.lastCheck > HEARTBEAT_TIMEOUT / 2
    this.lastCheck = now
    if (wasSuspended) this.lastReceived = now
    else if (now - this.lastReceived >= HEARTBEAT_TIMEOUT) {
      this.silent = true
      this.end("silent")
    }
  }
}

export class Link {
  readonly client: End
  readonly worker: End
  private readonly world: World
  private readonly network: Network
  private readonly dice: Dice
  /** When the latest message arrives, in each direction: messages do not overtake each other. */
  private readonly latest = new Map<End, number>()

  constructor(world: World, dice: Dice, network: Network, client: PartyClock, worker: PartyClock) {
    this.world = world
    this.dice = dice
    this.network = network
    this.client = new End(client)
    this.worker = new End(worker)
  }

  /** Watches the connection, until it has ended on both sides. */
  readonly watch: Effect.Effect<void> = Effect.suspend(() => {
    const heartbeat = (end: End, interval: number, f: () => void) =>
      Effect.whileLoop({
        while: () => end.isOpen,
        body: () => end.clock.sleep(Duration.millis(interval)),
        step: () => end.isOpen && f()
      })
    const interval = HEARTBEAT_TIMEOUT / 32
    return Effect.all([
      heartbeat(this.client, interval, () => this.check(this.client)),
      heartbeat(this.worker, interval, () => this.check(this.worker)),
      heartbeat(this.client, PING_INTERVAL, () =>
        this.pass(this.worker, () => {
          this.worker.heard()
          this.pass(this.client, () => this.client.heard())
        }))
    ], { concurrency: "unbounded", discard: true })
  })

  private check(end: End): void {
    end.check()
    if (!end.isOpen) this.reset(end)
  }

  send(from: End, bytes: Uint8Array): void {
    const to = this.other(from)
    // A copy, since the two processes share no memory.
    const copy = bytes.slice()
    this.pass(to, () => to.arrive(copy))
  }

  /** Calls `f` at the other side, in the order of all messages. */
  call(to: End, f: () => void): void {
    this.pass(to, () => {
      to.heard()
      f()
    })
  }

  /** One side closes the connection. */
  close(end: End, reason: string): void {
    end.end(reason)
    this.reset(end)
  }

  /** The network ends the connection on both sides: bytes that are under way are lost. */
  cut(): void {
    for (const end of [this.client, this.worker]) end.clock.onRunning(() => end.end("the connection was reset"))
  }

  private reset(end: End): void {
    const other = this.other(end)
    this.pass(other, () => other.end("closed by the peer"))
  }

  private other(end: End): End {
    return end === this.client ? this.worker : this.client
  }

  /** Calls `f` when something that is sent now arrives, if it does. */
  private pass(to: End, f: () => void): void {
    if (this.network.halfOpen) return
    const { dice, latest, network, world } = this
    // Never at the same time: the world chooses the order of what is due.
    const at = Math.max((latest.get(to) ?? 0) + 0.001, world.now + dice.next() * network.delay)
    latest.set(to, at)
    world.sleepUntil(at, () => {
      if (this.network.halfOpen) return
      to.clock.onRunning(() => {
        if (to.isOpen) f()
      })
    })
  }
}
