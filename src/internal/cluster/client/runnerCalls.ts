/**
 * The calls of a client to one runner, each by whichever id leads to the runner, until there was no answer for `SILENCE`.
 *
 * Must stay true: a call is repeated until the runner itself has answered it. Time is the client's own: the leases of the
 * cluster decide nothing.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { RemoteError, Unreachable } from "../../remote/transport/error.ts"
import type { Calls } from "../calls.ts"
import { SILENCE } from "../entity.ts"
import type { Membership } from "./membership.ts"

/** The pause after a failed attempt, in milliseconds. */
const PAUSE = 50

/** The pause while no id leads to the runner, in milliseconds. */
const SEARCH_PAUSE = 200

export const unreachable = (message: string): RemoteError =>
  new RemoteError({ reason: new Unreachable({ address: "cluster", message }) })

export class RunnerCalls {
  /** Completes with the reason once the runner did not answer for `SILENCE`. */
  readonly lost = Deferred.makeUnsafe<string>()
  readonly membership: Membership
  readonly incarnation: string
  private readonly clock: Clock.Clock
  /** When the runner last answered. */
  private heard: number

  constructor(membership: Membership, incarnation: string, clock: Clock.Clock) {
    this.membership = membership
    this.incarnation = incarnation
    this.clock = clock
    this.heard = this.now()
  }

  /** Monotonic milliseconds. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** The time in which the runner must answer something. */
  get remaining(): number {
    return Math.ceil(this.heard + SILENCE - this.now())
  }

  answered(): void {
    this.heard = this.now()
  }

  /** Repeats a call until the runner has answered it. Fails once the runner did not answer for `SILENCE`. */
  call<A extends Answer>(
    f: (calls: Calls) => Effect.Effect<A, unknown>,
    patience: number
  ): Effect.Effect<A, RemoteError> {
    return Effect.contextWith((context: Context.Context<never>) =>
      Effect.callback<A, RemoteError>((resume) => {
        const call = new RepeatedCall(this, f, patience, Effect.runForkWith(context), resume)
        call.start()
        return Effect.sync(() => call.end())
      })
    )
  }

  lose(): RemoteError {
    const reason = `it did not answer for ${SILENCE} ms`
    Deferred.doneUnsafe(this.lost, Effect.succeed(reason))
    this.membership.lost(this.incarnation)
    return unreachable(reason)
  }
}

interface Answer {
  readonly incarnation: string
}

/**
 * One call, by one id after the other. An attempt that does not end stays open while the next one is made: a runner that
 * is slow answers in the end, and an id behind which there is no runner does not hold up the call.
 */
class RepeatedCall<A extends Answer> {
  private readonly runner: RunnerCalls
  private readonly f: (calls: Calls) => Effect.Effect<A, unknown>
  /** How long an attempt may take before another one is made, in milliseconds. */
  private readonly patience: number
  private readonly runFork: <B>(effect: Effect.Effect<B, unknown>) => Fiber.Fiber<B, unknown>
  private readonly resume: (result: Effect.Effect<A, RemoteError>) => void
  private readonly attempts = new Set<Fiber.Fiber<A, unknown>>()
  private latest: Fiber.Fiber<A, unknown> | undefined
  private timer: Fiber.Fiber<void, unknown> | undefined
  private ended = false

  constructor(
    runner: RunnerCalls,
    f: (calls: Calls) => Effect.Effect<A, unknown>,
    patience: number,
    runFork: <B>(effect: Effect.Effect<B, unknown>) => Fiber.Fiber<B, unknown>,
    resume: (result: Effect.Effect<A, RemoteError>) => void
  ) {
    this.runner = runner
    this.f = f
    this.patience = patience
    this.runFork = runFork
    this.resume = resume
  }

  /** Makes the next attempt. */
  start(): void {
    const { f, patience, runner } = this
    const { incarnation, membership, remaining } = runner
    if (remaining <= 0) {
      this.end()
      return this.resume(Effect.fail(runner.lose()))
    }
    const id = membership.addresses.idOf(incarnation)
    if (id === undefined) {
      membership.sweep()
      return this.startAfter(Math.min(SEARCH_PAUSE, remaining))
    }
    const attempt = this.runFork(f(membership.options.at(id)))
    this.latest = attempt
    this.attempts.add(attempt)
    this.startAfter(Math.min(patience, remaining), () => membership.suspect(id))
    attempt.addObserver((exit) => this.onExit(attempt, id, exit))
  }

  /** Nothing of the call goes on. An attempt is not waited for. */
  end(): void {
    this.ended = true
    this.timer?.interruptUnsafe()
    for (const attempt of this.attempts) attempt.interruptUnsafe()
  }

  private onExit(attempt: Fiber.Fiber<A, unknown>, id: string, exit: Exit.Exit<A, unknown>): void {
    this.attempts.delete(attempt)
    if (this.ended) return
    const { incarnation, membership } = this.runner
    if (Exit.isSuccess(exit) && exit.value.incarnation === incarnation) {
      this.runner.answered()
      this.end()
      return this.resume(Effect.succeed(exit.value))
    }
    // An interruption is not that of the caller: the engine interrupts calls when a shard moves.
    if (Exit.isSuccess(exit)) membership.moved(id, incarnation)
    else membership.suspect(id)
    if (attempt === this.latest) this.startAfter(Exit.isSuccess(exit) ? 0 : PAUSE)
  }

  private startAfter(millis: number, before?: () => void): void {
    this.timer?.interruptUnsafe()
    const timer = this.timer = this.runFork(Effect.sleep(millis))
    timer.addObserver((exit) => {
      if (this.timer !== timer || this.ended || Exit.isFailure(exit)) return
      before?.()
      this.start()
    })
  }
}
