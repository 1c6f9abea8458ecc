/**
 * Finds the runners of a worker group: asks the ids of the entity for the runners behind them.
 *
 * Must stay true: at most `MAX_PROBES` ids are asked at a time. Every id is asked again within about 16 seconds, all at
 * once when an unknown runner shows up, or when a session cannot find its runner. A runner that leaves, or that speaks
 * another protocol, is no member.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Member } from "../../remote/client/member.ts"
import { PROTOCOL } from "../../remote/protocol/messages.ts"
import { RemoteError, Unreachable } from "../../remote/transport/error.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import { VERSION } from "../../version.ts"
import type { Calls } from "../calls.ts"
import type { HelloAnswer } from "../entity.ts"
import { Addresses } from "./addresses.ts"
import { attempt } from "./attempt.ts"

/** How often some of the ids are asked, in milliseconds. */
const INTERVAL = 2000

/** The part of the ids that is asked at a time. */
const PART = 1 / 8

/** Ids that are asked at a time while no runner is known. */
const FIRST = 16

/** How soon ids are asked again while no runner is known, in milliseconds. */
const FIRST_INTERVAL = 200

/** The least pause, in milliseconds: a runner that has another incarnation in each answer is not asked without end. */
const MIN_INTERVAL = 50

/** How long an answer may take, in milliseconds. */
const TIMEOUT = 1500

const MAX_PROBES = 64

export interface MembershipOptions {
  /** For messages. */
  readonly workerGroup: string
  readonly ids: ReadonlyArray<string>
  readonly at: (id: string) => Calls
}

export const HELLO = { protocol: PROTOCOL, version: VERSION }

export class Membership {
  readonly options: MembershipOptions
  readonly addresses: Addresses<typeof HelloAnswer.Type>
  private readonly changed = Latch.makeUnsafe()
  private readonly wanted = Latch.makeUnsafe()
  private readonly probes = Semaphore.makeUnsafe(MAX_PROBES)
  private next = 0
  /** The incarnations of another protocol, each of which is logged once. */
  private readonly refused = new Set<string>()

  constructor(options: MembershipOptions) {
    this.options = options
    this.addresses = new Addresses(options.ids)
  }

  /** All ids are asked soon. */
  sweep(): void {
    this.wanted.openUnsafe()
  }

  /** The members, now and after each change. Never ends. */
  members(
    connect: (incarnation: string) => Member["connect"]
  ): Stream.Stream<Result.Result<ReadonlyArray<Member>, RemoteError>> {
    const { addresses } = this
    const watch = (views: Queue.Enqueue<Result.Result<ReadonlyArray<Member>, RemoteError>>) =>
      Effect.gen({ self: this }, function*() {
        while (true) {
          yield* this.changed.await
          this.changed.closeUnsafe()
          const members: Array<Member> = []
          for (const { incarnation, offer } of addresses.runners) {
            const { handshake, leaving } = offer
            if (handshake.protocol !== PROTOCOL) yield* this.refuse(incarnation, handshake)
            else if (!leaving) members.push(toMember(incarnation, handshake.worker, connect(incarnation)))
          }
          yield* Queue.offer(views, Result.succeed(members))
          if (members.length === 0) yield* Queue.offer(views, Result.fail(this.noRunner))
        }
      })
    return Stream.callback((views) => {
      Queue.offerUnsafe(views, Result.fail(this.noRunner))
      return Effect.all([this.search, watch(views)], { concurrency: "unbounded", discard: true })
    }, { bufferSize: Infinity })
  }

  private get noRunner(): RemoteError {
    const { workerGroup } = this.options
    return new RemoteError({
      reason: new Unreachable({
        address: "cluster",
        message: `no runner serves the worker group ${workerGroup}: is ClusterDispatcher.toLayer part of a runner?`
      })
    })
  }

  private refuse(incarnation: string, { protocol, version }: typeof HelloAnswer.Type["handshake"]) {
    if (this.refused.has(incarnation)) return Effect.void
    this.refused.add(incarnation)
    return Effect.logWarning(
      `A runner of ${this.options.workerGroup} runs papyros ${sanitizeForLog(version)} (protocol ${protocol}), and ` +
        `this is papyros ${VERSION} (protocol ${PROTOCOL}): update the older one`
    )
  }

  /** Asks ids for ever. */
  private readonly search: Effect.Effect<never> = Effect.gen({ self: this }, function*() {
    const { ids } = this.addresses
    while (true) {
      const known = this.addresses.runners.length
      const all = this.wanted.isOpen()
      this.wanted.closeUnsafe()
      const count = all ? ids.length : known === 0 ? FIRST : Math.ceil(ids.length * PART)
      yield* Effect.forEach(this.take(Math.min(ids.length, count)), (id) => this.probe(id), {
        concurrency: "unbounded",
        discard: true
      })
      yield* Effect.sleep(MIN_INTERVAL)
      // Requests to ask all ids that came meanwhile are obeyed at once.
      const pause = this.addresses.runners.length === 0 ? FIRST_INTERVAL : INTERVAL
      yield* Effect.timeoutOption(this.wanted.await, pause - MIN_INTERVAL)
    }
  })

  /** The ids whose turn it is. */
  private take(count: number): ReadonlyArray<string> {
    const { ids } = this.addresses
    const taken = Array.from({ length: count }, (_, i) => ids[(this.next + i) % ids.length])
    this.next = (this.next + count) % ids.length
    return taken
  }

  private probe(id: string): Effect.Effect<void> {
    return this.probes.withPermits(1)(
      Effect.match(attempt(this.options.at(id).Hello(HELLO), TIMEOUT), {
        onSuccess: (offer) => this.found(id, offer),
        onFailure: () => this.change(() => this.addresses.remove(id))
      })
    )
  }

  private found(id: string, offer: typeof HelloAnswer.Type): void {
    const { incarnation, leaving } = offer
    const before = this.addresses.get(incarnation)?.offer.leaving
    this.change(() => this.addresses.set(id, { incarnation, offer }))
    if (before === undefined) this.sweep()
    else if (before !== leaving) this.changed.openUnsafe()
  }

  /** The id did not answer a call. */
  suspect(id: string): void {
    if (!this.addresses.suspect(id)) this.sweep()
  }

  /** The runner is not behind the id any more. */
  moved(id: string, incarnation: string): void {
    this.change(() => this.addresses.remove(id, incarnation))
  }

  /** The runner does not answer. */
  lost(incarnation: string): void {
    this.change(() => this.addresses.forget(incarnation))
  }

  private change(f: () => void): void {
    const before = this.addresses.version
    f()
    if (this.addresses.version !== before) this.changed.openUnsafe()
  }
}

/** Several runners of one host may have the same name in turn, for example in containers. */
const toMember = (incarnation: string, worker: string, connect: Member["connect"]): Member => ({
  address: `${sanitizeForLog(worker)} (${sanitizeForLog(incarnation.slice(0, 8))})`,
  connect
})
