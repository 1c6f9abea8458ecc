/**
 * The connection of a client to a runner: calls by whichever id leads to the runner, until there was no answer for
 * `SILENCE`.
 *
 * Must stay true: the messages of each side arrive once and in order, since the next call of a kind follows the answer to
 * the previous one, and a repeated call changes nothing. So whatever the engine repairs is no loss. Time is the client's
 * own: the leases of the cluster decide nothing.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { Buffer } from "node:buffer"
import { InvalidEvents, type Member, type WorkerConnection } from "../../remote/client/member.ts"
import { type Events, UnknownSession } from "../../remote/protocol/messages.ts"
import { decodeEvents, encodeCommands } from "../../remote/protocol/sessionMessages.ts"
import { RemoteError, Unreachable } from "../../remote/transport/error.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import type { Calls } from "../calls.ts"
import { PARK, SILENCE } from "../entity.ts"
import type { AckTimes } from "./ackTimes.ts"
import { HELLO, type Membership } from "./membership.ts"

/** How long an attempt may take before another id is tried as well, beside the time for which a runner keeps an answer. */
const PATIENCE = 1000

/** The pause after a failed attempt, in milliseconds. */
const PAUSE = 50

/** The pause while no id leads to the runner, in milliseconds. */
const SEARCH_PAUSE = 200

export interface ConnectionOptions {
  readonly membership: Membership
  readonly incarnation: string
  readonly maxTaskBytes: number
  readonly ackTimes: AckTimes
}

/** Connects to a runner, which must not be leaving. */
export const connect = ({ ackTimes, incarnation, maxTaskBytes, membership }: ConnectionOptions): Member["connect"] =>
  Effect.gen(function*() {
    const runner = new RunnerCalls(membership, incarnation, yield* Clock.Clock)
    const { handshake, leaving } = yield* runner.call((calls) => calls.Hello(HELLO), PATIENCE)
    if (leaving) return yield* unreachable("the runner is leaving the cluster")
    let session = ""
    let polls = 0
    const poll = Effect.suspend(() => {
      const call = { incarnation, session, seq: ++polls, maxTaskBytes }
      return Effect.flatMap(runner.call((calls) => calls.Poll(call), PARK + PATIENCE), ifKnown)
    })
    const connection: WorkerConnection = {
      handshake: { ...handshake, worker: sanitizeForLog(handshake.worker) },
      isSilent: () => true,
      closed: Deferred.await(runner.lost),
      events: (request, onEvents) => {
        session = request.session
        return Effect.forever(
          Effect.flatMap(
            poll,
            ({ events }) => events === undefined ? Effect.void : Effect.flatMap(decoded(events), onEvents)
          )
        )
      },
      send: (commands) =>
        Effect.suspend(() => {
          const since = runner.now()
          // Once, for all attempts.
          const message = Buffer.concat(encodeCommands(commands))
          return Effect.andThen(
            Effect.flatMap(
              runner.call((calls) => calls.Send({ incarnation, session, commands: message }), PATIENCE),
              ifKnown
            ),
            Effect.suspend(() => ackTimes.add(runner.now() - since))
          )
        }),
      // A runner that has drained is about to go. One that stays is found again.
      end: (session) =>
        runner.call((calls) => calls.Bye({ incarnation, session }), PATIENCE).pipe(
          Effect.ensuring(Effect.sync(() => membership.lost(incarnation)))
        )
    }
    return connection
  })

const decoded = (events: Uint8Array): Effect.Effect<typeof Events.Type, InvalidEvents> =>
  Effect.try({ try: () => decodeEvents(events), catch: (error) => new InvalidEvents(error) })

const ifKnown = <A extends { readonly known: boolean }>(answer: A): Effect.Effect<A, UnknownSession> =>
  answer.known ? Effect.succeed(answer) : Effect.fail(new UnknownSession())

const unreachable = (message: string): RemoteError =>
  new RemoteError({ reason: new Unreachable({ address: "cluster", message }) })

/** Calls to one runner. */
class RunnerCalls {
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
