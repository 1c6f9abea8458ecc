/**
 * The connection of a client to a runner: the messages of a session by calls that may be repeated.
 *
 * Must stay true: the messages of each side are handled once and in order, because they are numbered, and a repeated call
 * changes nothing. So a failure that the engine repairs is no loss.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Buffer } from "node:buffer"
import { InvalidEvents, type Member, type WorkerConnection } from "../../remote/client/member.ts"
import { type Commands, type Events, UnknownSession } from "../../remote/protocol/messages.ts"
import { decodeEvents, encodeCommands } from "../../remote/protocol/sessionMessages.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import { PARK } from "../entity.ts"
import type { AckTimes } from "./ackTimes.ts"
import { HELLO, type Membership } from "./membership.ts"
import { RunnerCalls, unreachable } from "./runnerCalls.ts"

/** How long an attempt may take before another id is tried as well, beside the time for which a runner keeps an answer. */
const PATIENCE = 1000

/** A large message gets a millisecond more for each so many bytes: copies of it would hold up a slow connection. */
const BYTES_PER_MILLISECOND = 1000

/** The most that it gets, so that there is another attempt before the runner is lost. */
const MAX_TRANSFER = 4000

const patienceFor = (message: Uint8Array | undefined): number =>
  PATIENCE + Math.min(MAX_TRANSFER, (message?.length ?? 0) / BYTES_PER_MILLISECOND)

/** The pause before a message is sent again that has overtaken the previous one, in milliseconds. */
const EARLY_PAUSE = 5

export interface ConnectionOptions {
  readonly membership: Membership
  readonly incarnation: string
  readonly maxTaskBytes: number
  readonly ackTimes: AckTimes
}

/** Connects to a runner, which must not be leaving. */
export const connect = (options: ConnectionOptions): Member["connect"] =>
  Effect.gen(function*() {
    const { incarnation, membership } = options
    const runner = new RunnerCalls(membership, incarnation, yield* Clock.Clock)
    const { handshake, leaving } = yield* runner.call((calls) => calls.Hello(HELLO), PATIENCE)
    if (leaving) return yield* unreachable("the runner is leaving the cluster")
    const calls = new SessionCalls(runner, options)
    const connection: WorkerConnection = {
      handshake: { ...handshake, worker: sanitizeForLog(handshake.worker) },
      isSilent: () => true,
      closed: Deferred.await(runner.lost),
      bytes: calls,
      events: ({ session }, onEvents) => calls.receive(session, onEvents),
      send: (commands) => calls.send(commands),
      // A runner that has drained is about to go. One that stays is found again.
      end: (session) =>
        runner.call((calls) => calls.Bye({ incarnation, session }), PATIENCE).pipe(
          Effect.ensuring(Effect.sync(() => membership.lost(incarnation)))
        )
    }
    return connection
  })

/**
 * The messages of one session. Those that the client makes while it handles events go with the next `Poll`, which saves a
 * call; others are a `Send`, since a `Poll` waits at the runner.
 */
class SessionCalls {
  private readonly runner: RunnerCalls
  private readonly options: ConnectionOptions
  private session = ""
  private polls = 0
  /** The next `Poll` may take a message. */
  private polling = false
  private sending = false
  private attached: Uint8Array | undefined
  /** Bytes of the messages. */
  sent = 0
  received = 0

  constructor(runner: RunnerCalls, options: ConnectionOptions) {
    this.runner = runner
    this.options = options
  }

  receive(
    session: string,
    onEvents: (events: typeof Events.Type) => Effect.Effect<void, InvalidEvents>
  ): Effect.Effect<never, unknown> {
    this.session = session
    const { incarnation, maxTaskBytes } = this.options
    const poll = Effect.suspend(() => {
      const { attached: commands } = this
      this.polling = false
      this.attached = undefined
      const seq = ++this.polls
      const call = { incarnation, session, seq, maxTaskBytes, ...(commands === undefined ? {} : { commands }) }
      return Effect.flatMap(this.runner.call((calls) => calls.Poll(call), PARK + patienceFor(commands)), ifKnown)
    })
    const handle = (events: Uint8Array): Effect.Effect<void, InvalidEvents> => {
      this.polling = true
      this.received += events.length
      // The commands that follow are collected in a microtask, and then taken by the fiber that sends them.
      return Effect.flatMap(decoded(events), onEvents).pipe(
        Effect.andThen(Effect.yieldNow),
        Effect.andThen(Effect.yieldNow)
      )
    }
    return Effect.forever(
      Effect.flatMap(poll, ({ events }) => events === undefined ? Effect.void : handle(events))
    )
  }

  send(commands: typeof Commands.Type): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      // Once, for all attempts.
      const message = Buffer.concat(encodeCommands(commands))
      this.sent += message.length
      if (this.polling && !this.sending && this.attached === undefined) {
        this.attached = message
        return Effect.void
      }
      this.sending = true
      return Effect.ensuring(this.sendAlone(message), Effect.sync(() => this.sending = false))
    })
  }

  private sendAlone(commands: Uint8Array): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const { options: { ackTimes, incarnation }, runner, session } = this
      const since = runner.now()
      const send = runner.call((calls) => calls.Send({ incarnation, session, commands }), patienceFor(commands))
      return Effect.flatMap(Effect.flatMap(send, ifKnown), ({ early }) =>
        early === true
          ? Effect.andThen(Effect.sleep(EARLY_PAUSE), this.sendAlone(commands))
          : ackTimes.add(runner.now() - since))
    })
  }
}

const decoded = (events: Uint8Array): Effect.Effect<typeof Events.Type, InvalidEvents> =>
  Effect.try({ try: () => decodeEvents(events), catch: (error) => new InvalidEvents(error) })

const ifKnown = <A extends { readonly known: boolean }>(answer: A): Effect.Effect<A, UnknownSession> =>
  answer.known ? Effect.succeed(answer) : Effect.fail(new UnknownSession())
