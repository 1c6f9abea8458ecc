/**
 * The connection of a client to a runner: calls by whichever id leads to the runner, until there was no answer for
 * `SILENCE`.
 *
 * Must stay true: the messages of each side arrive once and in order, since the next call of a kind follows the answer to
 * the previous one, and a repeated call changes nothing. So whatever the engine repairs is no loss. Time is the client's
 * own: the leases of the cluster decide nothing.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Member, WorkerConnection } from "../../remote/client/member.ts"
import { UnknownSession } from "../../remote/protocol/messages.ts"
import { RemoteError, Unreachable } from "../../remote/transport/error.ts"
import type { Calls } from "../calls.ts"
import { PARK, SILENCE } from "../entity.ts"
import type { AckTimes } from "./ackTimes.ts"
import { attempt } from "./attempt.ts"
import { HELLO, type Membership } from "./membership.ts"

/** How long one attempt of a call may take, in milliseconds, beside the time for which a runner keeps the answer. */
const TIMEOUT = 2000

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
    const { handshake, leaving } = yield* runner.call((calls) => calls.Hello(HELLO), TIMEOUT)
    if (leaving) return yield* unreachable("the runner is leaving the cluster")
    let session = ""
    let polls = 0
    const poll = Effect.suspend(() => {
      const call = { incarnation, session, seq: ++polls, maxTaskBytes }
      return Effect.flatMap(runner.call((calls) => calls.Poll(call), PARK + TIMEOUT), ifKnown)
    })
    const connection: WorkerConnection = {
      handshake,
      isSilent: () => true,
      closed: Deferred.await(runner.lost),
      events: (request, onEvents) => {
        session = request.session
        return Effect.forever(
          Effect.flatMap(poll, ({ events }) => events === undefined ? Effect.void : onEvents(events))
        )
      },
      send: (commands) =>
        Effect.suspend(() => {
          const since = runner.now()
          return Effect.andThen(
            Effect.flatMap(runner.call((calls) => calls.Send({ incarnation, session, commands }), TIMEOUT), ifKnown),
            Effect.suspend(() => ackTimes.add(runner.now() - since))
          )
        }),
      // A runner that has drained is about to go. One that stays is found again.
      end: (session) =>
        runner.call((calls) => calls.Bye({ incarnation, session }), TIMEOUT).pipe(
          Effect.ensuring(Effect.sync(() => membership.lost(incarnation)))
        )
    }
    return connection
  })

const ifKnown = <A extends { readonly known: boolean }>(answer: A): Effect.Effect<A, UnknownSession> =>
  answer.known ? Effect.succeed(answer) : Effect.fail(new UnknownSession())

const unreachable = (message: string): RemoteError =>
  new RemoteError({ reason: new Unreachable({ address: "cluster", message }) })

/** Calls to one runner. */
class RunnerCalls {
  /** Completes with the reason once the runner did not answer for `SILENCE`. */
  readonly lost = Deferred.makeUnsafe<string>()
  private readonly membership: Membership
  private readonly incarnation: string
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

  /** Repeats a call until the runner has answered it. Fails once the runner did not answer for `SILENCE`. */
  call<A extends { readonly incarnation: string }>(
    f: (calls: Calls) => Effect.Effect<A, unknown>,
    timeout: number
  ): Effect.Effect<A, RemoteError> {
    const { addresses, options: { at } } = this.membership
    return Effect.gen({ self: this }, function*() {
      while (true) {
        const remaining = this.heard + SILENCE - this.now()
        if (remaining <= 0) return yield* this.lose()
        const id = addresses.idOf(this.incarnation)
        if (id === undefined) {
          this.membership.sweep()
          yield* Effect.sleep(Math.min(SEARCH_PAUSE, remaining))
          continue
        }
        const answer = yield* Effect.option(attempt(f(at(id)), Math.min(timeout, remaining)))
        if (answer._tag === "None") {
          addresses.suspect(id)
          yield* Effect.sleep(PAUSE)
        } else if (answer.value.incarnation !== this.incarnation) {
          this.membership.moved(id)
        } else {
          this.heard = this.now()
          return answer.value
        }
      }
    })
  }

  private lose(): Effect.Effect<never, RemoteError> {
    const reason = `it did not answer for ${SILENCE} ms`
    Deferred.doneUnsafe(this.lost, Effect.succeed(reason))
    this.membership.lost(this.incarnation)
    return Effect.fail(unreachable(reason))
  }
}
