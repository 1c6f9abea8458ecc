/**
 * Keeps the connection to one worker process: connects again after each lost connection, as long as the worker is
 * registered, and continues the session over the new connection.
 *
 * Must stay true: a session ends with a loss only in the cases that docs/internals/remote-protocol.md lists, for
 * example if the worker has another incarnation, or if the client has not connected again in time.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Semaphore from "effect/Semaphore"
import { randomUUID } from "node:crypto"
import type * as Executor from "../../../Executor.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import { MAX_SLOTS } from "../protocol/limits.ts"
import { type Events, type HandshakeResponse, SESSION_TIMEOUT, UnknownSession } from "../protocol/messages.ts"
import { backoff, spread } from "../transport/backoff.ts"
import { InvalidEvents, type Member, type WorkerConnection } from "./member.ts"
import { ProcessHandle } from "./workerHandle.ts"

export interface SessionOptions {
  readonly catalog: TaskCatalog
  readonly maxTaskBytes: number
}

/** The functions of a dispatcher that the loop of one worker calls. */
export interface Members {
  readonly options: SessionOptions
  readonly scheduler: Executor.Scheduler
  readonly connecting: Semaphore.Semaphore
  readonly isMember: (address: string) => boolean
  readonly joined: (handle: ProcessHandle) => void
  readonly left: (handle: ProcessHandle) => void
  /** The latest error, for `NoWorker`. */
  readonly failed: (cause: unknown) => void
  /** The loop of the address has ended. */
  readonly forget: (address: string) => void
}

/** The longest pause between two attempts to connect, in milliseconds. */
const MAX_DELAY = 2000

/** The longest pause between two attempts while a session waits to continue, in milliseconds. */
const MAX_RESUME_DELAY = 250

/** The longest pause before the first attempt, in milliseconds: all clients get the address of a worker at once. */
const FIRST_SPREAD = 50

/** The longest pause after a connection was lost, in milliseconds. */
const SPREAD = 200

/** How long the log entry of a loss waits for the reason, in milliseconds. */
const REASON_TIMEOUT = 500

/** How long a worker may take to confirm the end of a session, in milliseconds. */
const END_TIMEOUT = 500

/** Keeps the connection to a worker, as long as the worker is registered or a session waits to continue. */
export const reconnectLoop = (members: Members, member: Member): Effect.Effect<void> => {
  const { address } = member
  const sessions = new WorkerSessions(members)
  const goesOn = () => sessions.isWaiting || members.isMember(address)
  /** Makes one connection. Succeeds when it has ended, if the worker had joined; fails otherwise. */
  const once = Effect.gen(function*() {
    let joined = false
    const resumes = sessions.isWaiting
    const exit = yield* Effect.exit(Effect.scoped(runConnection(sessions, member, () => joined = true)))
    if (Exit.isFailure(exit) && !Cause.hasInterrupts(exit.cause)) {
      const error = Cause.squash(exit.cause)
      const hasDropped = error instanceof UnknownSession
      if (!hasDropped) members.failed(error)
      // The end of a session that goes on is logged as a loss, with this reason.
      const isLoss = hasDropped || (resumes && error instanceof InvalidEvents)
      if (!joined && !isLoss) yield* sessions.unreachable(address, error)
    }
    if (joined) return
    // A worker that is unreachable and not registered has ended.
    if (!members.isMember(address)) yield* sessions.lose("it is not reachable, and not registered any more")
    return yield* Effect.fail("not joined" as const)
  })
  const untilLost = Effect.suspend(() =>
    Effect.ignore(Effect.retry(once, {
      schedule: backoff(sessions.isWaiting ? MAX_RESUME_DELAY : MAX_DELAY),
      while: goesOn
    }))
  )
  // The loop is forgotten as soon as it ends: if the worker registers again then, it needs a new loop.
  const goesOnElseForget = () => {
    const going = goesOn()
    if (!going) members.forget(address)
    return going
  }
  const loop = Effect.whileLoop({
    while: goesOnElseForget,
    body: () => Effect.andThen(untilLost, spread(SPREAD)),
    step: () => {}
  })
  return Effect.andThen(spread(FIRST_SPREAD), loop).pipe(
    Effect.ensuring(Effect.suspend(() => sessions.lose(undefined)))
  )
}

interface Session {
  readonly id: string
  readonly incarnation: string | undefined
  readonly handle: ProcessHandle
  /** Completes when the worker drains and has nothing in flight any more. */
  readonly left: Deferred.Deferred<void>
}

/** The session at one worker, which outlives its connections. */
class WorkerSessions {
  readonly members: Members
  private current: Session | undefined
  private deadline: Fiber.Fiber<void> | undefined
  /** The last error that was logged since the worker had joined. */
  private logged: string | undefined

  constructor(members: Members) {
    this.members = members
  }

  /** Whether the session has lost its connection and waits to continue. */
  get isWaiting(): boolean {
    return this.deadline !== undefined
  }

  /** An attempt to connect has failed. The same error is logged once. */
  unreachable(address: string, error: unknown): Effect.Effect<void> {
    const text = error instanceof Error ? error.message : String(error)
    if (text === this.logged) return Effect.void
    this.logged = text
    return Effect.logWarning(`No connection to worker ${address}: ${sanitizeForLog(text)}`)
  }

  /** The session to continue over a connection, or a new one. */
  of(handshake: typeof HandshakeResponse.Type, onJoined: () => void): Effect.Effect<Session> {
    const { current } = this
    if (current === undefined) return Effect.sync(() => this.open(handshake, onJoined))
    return current.incarnation === handshake.incarnation
      ? Effect.succeed(current)
      : Effect.andThen(
        this.lose("another process has taken its place"),
        Effect.sync(() => this.open(handshake, onJoined))
      )
  }

  private open(handshake: typeof HandshakeResponse.Type, onJoined: () => void): Session {
    const { options, scheduler } = this.members
    const { fingerprints, incarnation, maxTaskBytes, slots, worker } = handshake
    const left = Deferred.makeUnsafe<void>()
    const handle = new ProcessHandle({
      name: worker,
      slots: Math.min(Math.max(1, slots), MAX_SLOTS),
      maxTaskBytes: Math.min(options.maxTaskBytes, maxTaskBytes),
      catalog: options.catalog,
      unsupported: options.catalog.unsupported(worker, new Map(fingerprints)),
      scheduler,
      onJoined: () => {
        this.logged = undefined
        onJoined()
        this.members.joined(handle)
      },
      onLeft: () => Deferred.doneUnsafe(left, Effect.void)
    })
    return this.current = { id: randomUUID(), incarnation, handle, left }
  }

  /** The session continues. `received` is the number of the last message that the worker has received. */
  resumed(session: Session, received: number): Effect.Effect<void, InvalidEvents> {
    return Effect.suspend(() => {
      const { deadline } = this
      if (this.current !== session) return Effect.fail(new InvalidEvents("the session has ended"))
      this.deadline = undefined
      return Effect.andThen(
        attempt(() => session.handle.resume(received)),
        deadline === undefined ? Effect.void : Fiber.interrupt(deadline)
      )
    })
  }

  /** The connection is lost: the session waits to continue, for at most `SESSION_TIMEOUT` after the first such loss. */
  suspend({ handle }: Session, reason: string): Effect.Effect<void> {
    handle.suspend()
    const log = Effect.logInfo(`The connection to worker ${handle.name} is lost: ${sanitizeForLog(reason)}`)
    if (this.deadline !== undefined) return log
    const loss = Effect.andThen(
      Effect.sleep(SESSION_TIMEOUT),
      Effect.suspend(() => {
        // The deadline is this fiber, which must not interrupt itself.
        this.deadline = undefined
        return this.lose(`it was not back within ${SESSION_TIMEOUT} ms`)
      })
    )
    return Effect.andThen(
      log,
      Effect.map(Effect.forkChild(loss), (deadline) => {
        this.deadline = deadline
      })
    )
  }

  /** Ends the session. Without a reason, the end is regular and no loss is logged. */
  lose(reason: string | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { current, deadline } = this
      this.current = undefined
      this.deadline = undefined
      if (current === undefined) return Effect.void
      const { handle } = current
      const log = reason === undefined || !handle.joined
        ? Effect.void
        : Effect.logWarning(`Worker ${handle.name} is lost: ${sanitizeForLog(reason)}`)
      this.members.left(handle)
      return Effect.andThen(log, deadline === undefined ? Effect.void : Fiber.interrupt(deadline))
    })
  }
}

/** One connection, from its beginning to its end. */
const runConnection = Effect.fnUntraced(function*(sessions: WorkerSessions, member: Member, onJoined: () => void) {
  const { members } = sessions
  const connection = yield* members.connecting.withPermits(1)(member.connect)
  const { bytes, handshake } = connection
  if (bytes !== undefined) {
    yield* Effect.acquireRelease(Effect.sync(() => members.scheduler.connected(bytes)), Effect.sync)
  }
  const resume = sessions.isWaiting
  const session = yield* sessions.of(handshake, onJoined)
  const { handle, id, left } = session
  const resumes = resume && sessions.isWaiting
  if (!resumes) yield* Effect.logInfo(`Worker ${handle.name} has joined`)

  const answered = yield* Deferred.make<void>()
  let waits = resumes
  const onMessage = (events: typeof Events.Type) => {
    const handled = attempt(() => handle.onMessage(events))
    if (Deferred.isDoneUnsafe(answered)) return handled
    // The first message of the worker is the answer to the request.
    const resumed = waits ? Effect.andThen(sessions.resumed(session, events.ack), Effect.sync(onJoined)) : Effect.void
    waits = false
    return Effect.andThen(Effect.andThen(resumed, handled), Deferred.succeed(answered, undefined))
  }
  const request = { session: id, resume: resumes, received: handle.commands.lastReceived }
  const receiving = connection.events(request, onMessage)
  const sending = Effect.andThen(
    Deferred.await(answered),
    Effect.forever(Effect.flatMap(Effect.suspend(() => handle.commands.take), connection.send))
  )
  yield* Effect.raceAllFirst([
    Effect.as(receiving, "lost" as const),
    sending,
    Effect.as(Deferred.await(left), "left" as const)
  ]).pipe(Effect.onExit((exit) => onEnd(sessions, session, connection, exit)))
})

/** Handles the end of the connection of a session, or of the session itself. */
const onEnd = (
  sessions: WorkerSessions,
  session: Session,
  connection: WorkerConnection,
  exit: Exit.Exit<"lost" | "left", unknown>
): Effect.Effect<void> => {
  const { handle } = session
  const end = Effect.ignore(Effect.timeoutOption(connection.end(session.id), END_TIMEOUT))
  if (Exit.isSuccess(exit) && exit.value === "left") {
    return Effect.all([end, sessions.lose(undefined), Effect.logInfo(`Worker ${handle.name} has left`)], {
      discard: true
    })
  }
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) {
    return Effect.andThen(end, sessions.lose(undefined))
  }
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  if (error instanceof InvalidEvents) return Effect.andThen(end, sessions.lose(error.message))
  if (error instanceof UnknownSession) return sessions.lose("it has dropped the session")
  const reason = Effect.timeoutOrElse(Effect.interruptible(connection.closed), {
    duration: REASON_TIMEOUT,
    orElse: () => Effect.succeed(error === undefined ? "the worker has ended the session" : String(error))
  })
  return Effect.flatMap(
    reason,
    (reason) => handle.joined && !connection.isSilent() ? sessions.suspend(session, reason) : sessions.lose(reason)
  )
}

const attempt = (f: () => void): Effect.Effect<void, InvalidEvents> =>
  Effect.try({ try: f, catch: (error) => new InvalidEvents(error) })
