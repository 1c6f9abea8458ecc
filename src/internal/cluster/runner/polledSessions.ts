/**
 * The sessions of the clients at a runner, over calls that the engine may deliver twice, late, or to this runner by
 * mistake.
 *
 * Must stay true: a call for another incarnation, or of a session that is not here, changes nothing. Each message of a
 * session is handled once, and each poll has one answer, which a repeated call gets again. A client that was silent for
 * `SILENCE` is lost, except that a shorter time in which this process could not receive calls does not count.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Buffer } from "node:buffer"
import { decodeCommands, encodeEvents } from "../../remote/protocol/sessionMessages.ts"
import type { Attachment, ClientConnection, ClientSessions } from "../../remote/worker/sessions.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import type { Scheduler } from "../../scheduler/scheduler.ts"
import type { PollCall, SendCall, SessionCall } from "../calls.ts"
import { PARK, type PollAnswer, type SendAnswer, SILENCE } from "../entity.ts"

/** How often clients are looked at that may be silent, in milliseconds. */
const CHECK_INTERVAL = 1000

/** Sessions that are remembered after their end. */
const MAX_ENDED = 4096

export interface PolledSessionsOptions {
  readonly incarnation: string
  readonly sessions: ClientSessions
  readonly scheduler: Pick<Scheduler, "after" | "now">
}

export class PolledSessions {
  private readonly options: PolledSessionsOptions
  private readonly clients = new Map<string, PolledClient>()
  /** The latest sessions that have ended. A call of them may arrive late, and must not open them again. */
  private readonly ended = new Set<string>()
  /** When the clients were last looked at. */
  private lastCheck = 0
  private checking = false

  constructor(options: PolledSessionsOptions) {
    this.options = options
  }

  readonly poll = (call: PollCall): Effect.Effect<typeof PollAnswer.Type> =>
    Effect.suspend(() => {
      const { incarnation, scheduler } = this.options
      if (call.incarnation !== incarnation) return Effect.succeed(this.unknown)
      const known = this.clients.get(call.session)
      if (known !== undefined || call.seq !== 1 || this.ended.has(call.session)) return this.pollOf(known, call)
      const client = new PolledClient(incarnation, call.session, scheduler)
      // An effect that does not fail, because the session is a new one, and that is synchronous.
      return Effect.flatMap(
        Effect.orDie(this.options.sessions.attach(client, {
          session: call.session,
          resume: false,
          received: 0,
          maxTaskBytes: call.maxTaskBytes
        })),
        (attachment) => {
          if (attachment === undefined) return Effect.succeed(this.unknown)
          client.attachment = attachment
          this.clients.set(call.session, client)
          this.check()
          return this.pollOf(client, call)
        }
      )
    })

  readonly send = ({ commands, incarnation, session }: SendCall): Effect.Effect<typeof SendAnswer.Type> =>
    Effect.suspend(() => {
      const client = this.clients.get(session)
      if (client === undefined || incarnation !== this.options.incarnation) return Effect.succeed(this.unknown)
      client.heard = this.options.scheduler.now()
      return this.onCommands(client, commands)
    })

  readonly bye = ({ incarnation, session }: SessionCall): Effect.Effect<typeof SendAnswer.Type> =>
    Effect.sync(() => {
      if (incarnation !== this.options.incarnation) return this.unknown
      const client = this.clients.get(session)
      // The `Poll` that opens the session may come after its end.
      if (client === undefined) this.remember(session)
      else this.end(client)
      return this.unknown
    })

  private get unknown(): { readonly incarnation: string; readonly known: false } {
    return { incarnation: this.options.incarnation, known: false }
  }

  /** A message that was handled before changes nothing. */
  private onCommands(client: PolledClient, commands: Uint8Array): Effect.Effect<typeof SendAnswer.Type> {
    const { incarnation, sessions } = this.options
    try {
      const decoded = decodeCommands(commands)
      // The `Poll` with the previous message has not arrived yet.
      const early = decoded.seq > client.attachment!.session.events.lastReceived + 1
      if (early) return Effect.succeed({ incarnation, known: true, early })
      sessions.onCommands(client, decoded)
      return Effect.succeed({ incarnation, known: true })
    } catch (error) {
      return this.refuse(client, `invalid commands: ${String(error)}`)
    }
  }

  private pollOf(client: PolledClient | undefined, call: PollCall): Effect.Effect<typeof PollAnswer.Type> {
    if (client === undefined) return Effect.succeed(this.unknown)
    client.heard = this.options.scheduler.now()
    if (call.commands === undefined) return this.answerOf(client, call)
    return Effect.flatMap(
      this.onCommands(client, call.commands),
      (answer) => answer.known ? this.answerOf(client, call) : Effect.succeed(answer)
    )
  }

  private answerOf(client: PolledClient, { seq }: PollCall): Effect.Effect<typeof PollAnswer.Type> {
    const answer = client.poll(seq)
    return answer === undefined ? this.refuse(client, "a malformed number of a poll") : Deferred.await(answer)
  }

  /** Ends the session of a client that sent a message which no client of this version sends. */
  private refuse(client: PolledClient, why: string): Effect.Effect<typeof SendAnswer.Type> {
    this.end(client)
    return Effect.as(Effect.logWarning(`Ended a session: ${sanitizeForLog(why)}`), this.unknown)
  }

  private end(client: PolledClient): void {
    this.forget(client)
    this.options.sessions.endOf(client)
  }

  private forget(client: PolledClient): void {
    this.clients.delete(client.id)
    client.close()
    this.remember(client.id)
  }

  /** The session has ended. */
  private remember(id: string): void {
    this.ended.add(id)
    if (this.ended.size <= MAX_ENDED) return
    const [oldest] = this.ended
    this.ended.delete(oldest)
  }

  /** Looks for silent clients from time to time, as long as there are clients. */
  private check(): void {
    if (this.checking || this.clients.size === 0) return
    const { scheduler, sessions } = this.options
    this.checking = true
    this.lastCheck = scheduler.now()
    scheduler.after(CHECK_INTERVAL, () => {
      this.checking = false
      const now = scheduler.now()
      const passed = now - this.lastCheck
      // Calls that have arrived meanwhile are not read yet. After `SILENCE` each client has lost this runner.
      const wasSuspended = passed > SILENCE / 2 && passed < SILENCE
      for (const client of this.clients.values()) {
        if (wasSuspended) client.heard = now
        if (now - client.heard < SILENCE) continue
        this.forget(client)
        sessions.detach(client, client.attachment)
      }
      this.check()
    })
  }
}

/** A client as the sessions of a worker see it: a connection that is lost once the client is silent. */
class PolledClient implements ClientConnection {
  readonly id: string
  readonly isSilent = true
  readonly remoteAddress: string
  readonly loss = `it sent nothing for ${SILENCE} ms`
  attachment: Attachment | undefined
  /** When the client was last heard. */
  heard: number
  private readonly incarnation: string
  private readonly scheduler: Pick<Scheduler, "after" | "now">
  /** The number of the latest poll, and its answer. */
  private polled = 0
  private answer = Deferred.makeUnsafe<typeof PollAnswer.Type>()
  /** Answers the latest poll without events. `undefined`: it has its answer. */
  private answerEmpty: ((known: boolean) => void) | undefined

  constructor(incarnation: string, id: string, scheduler: Pick<Scheduler, "after" | "now">) {
    this.incarnation = incarnation
    this.id = id
    this.remoteAddress = sanitizeForLog(id)
    this.scheduler = scheduler
    this.heard = scheduler.now()
  }

  /** The answer to a poll; `undefined` for a number that no client of this version sends. */
  poll(seq: number): Deferred.Deferred<typeof PollAnswer.Type> | undefined {
    if (seq === this.polled) return this.answer
    // The client has the answer to an earlier poll, and no longer waits for it.
    if (seq < this.polled) return earlier(this.incarnation)
    if (seq !== this.polled + 1 || this.answerEmpty !== undefined) return undefined
    this.polled = seq
    this.answer = Deferred.makeUnsafe()
    const { answer, incarnation } = this
    const settle = (poll: typeof PollAnswer.Type) => {
      this.answerEmpty = undefined
      stopTimer()
      Deferred.doneUnsafe(answer, Effect.succeed(poll))
    }
    // All of this is plain code: an interrupted call must not take an event with it.
    const stopTimer = this.scheduler.after(PARK, () => this.answerEmpty?.(true))
    this.answerEmpty = (known) => {
      withdraw()
      settle({ incarnation, known })
    }
    const withdraw = this.attachment!.session.events.onNext((events) =>
      settle({ incarnation, known: true, events: Buffer.concat(encodeEvents(events)) })
    )
    return answer
  }

  /** The session has ended. */
  close(): void {
    this.answerEmpty?.(false)
  }
}

const earlier = (incarnation: string): Deferred.Deferred<typeof PollAnswer.Type> => {
  const answer = Deferred.makeUnsafe<typeof PollAnswer.Type>()
  Deferred.doneUnsafe(answer, Effect.succeed({ incarnation, known: true }))
  return answer
}
