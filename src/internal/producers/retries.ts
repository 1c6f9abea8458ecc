/**
 * Retries of failed tasks, by a policy like that of `Effect.retry`.
 *
 * Must stay true: each task steps through its own copy of the schedule; a task
 * that waits for its retry holds no slot; after `takes` returned `true`, exactly one of
 * `retry`, `giveUp` and `policyDied` follows, unless the task is cancelled first; a
 * failure that the next attempt could not change is not retried.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { TaskFailure } from "../../TaskFailure.ts"
import type { TaskEntry } from "../scheduler/producer.ts"
import { typeOf } from "../scheduler/taskTypes.ts"
import { movesPayload } from "../task.ts"
import type * as Task from "../task.ts"
import type { Timer, Timers } from "../timers.ts"

/** `Effect.Retry.Options` over the failures of a task, without services or errors of their own. */
export interface RetryOptions<T extends Task.Any> {
  /** Retries a failed task only while the function returns `true`. */
  readonly while?: ((failure: TaskFailure<T>) => boolean | Effect.Effect<boolean>) | undefined
  /** Retries a failed task until the function returns `true`. */
  readonly until?: ((failure: TaskFailure<T>) => boolean | Effect.Effect<boolean>) | undefined
  /** The largest number of retries of one task, after its first attempt. Default: unlimited. */
  readonly times?: number | undefined
  /** The delays between the attempts. Default: no delay, without a limit of attempts. */
  readonly schedule?: Schedule.Schedule<unknown, TaskFailure<T>> | undefined
}

export type RetryPolicy<T extends Task.Any> = RetryOptions<T> | Schedule.Schedule<unknown, TaskFailure<T>>

type Failure = TaskFailure<Task.Any>
type Step = (now: number, failure: Failure) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** The schedule of a policy. An invalid policy is a defect that names the option. */
export const toSchedule = <T extends Task.Any>(policy: RetryPolicy<T>): Schedule.Schedule<unknown, TaskFailure<T>> => {
  if (Schedule.isSchedule(policy)) return policy as Schedule.Schedule<unknown, TaskFailure<T>>
  const { schedule, times, until, while: while_ } = policy as RetryOptions<T>
  if (times !== undefined && !(times >= 0)) {
    throw new RangeError(`retry.times must be a number of at least 0, got ${times}`)
  }
  let out: Schedule.Schedule<unknown, TaskFailure<T>> = schedule ?? Schedule.forever
  if (while_ !== undefined) out = Schedule.while(out, ({ input }) => while_(input))
  if (until !== undefined) {
    out = Schedule.while(out, ({ input }) => {
      const stop = until(input)
      return Effect.isEffect(stop) ? Effect.map(stop, (b) => !b) : !stop
    })
  }
  if (times !== undefined) out = Schedule.while(out, ({ attempt }) => attempt <= times)
  return out
}

/** The failed tasks of one producer. */
export class Retries {
  private readonly steps = new Map<TaskEntry, Step>()
  private readonly waiting = new Map<TaskEntry, Timer | Fiber.Fiber<unknown>>()
  private readonly schedule: Schedule.Schedule<unknown, Failure>
  private readonly timers: Timers
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly retry: (entry: TaskEntry) => void
  private readonly giveUp: (entry: TaskEntry) => void
  private readonly policyDied: (cause: Cause.Cause<never>) => void

  constructor(options: {
    readonly schedule: Schedule.Schedule<unknown, TaskFailure<never>>
    readonly timers: Timers
    readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
    /** The next attempt of the task is due. */
    readonly retry: (entry: TaskEntry) => void
    /** The failure is the outcome of the task. */
    readonly giveUp: (entry: TaskEntry) => void
    /** The policy has a defect, or was interrupted. */
    readonly policyDied: (cause: Cause.Cause<never>) => void
  }) {
    this.schedule = options.schedule as Schedule.Schedule<unknown, Failure>
    this.timers = options.timers
    this.runFork = options.runFork
    this.retry = options.retry
    this.giveUp = options.giveUp
    this.policyDied = options.policyDied
  }

  /** Whether the policy decides about this failed task: then one of the callbacks follows, perhaps at once. */
  takes(entry: TaskEntry): boolean {
    const failure = entry.failure!
    if (neverStarts(failure)) return false
    if (!entry.idempotent && failure.reason._tag !== "Failed") return false
    // The same on every dispatcher, though only threads take the payload away.
    if (movesPayload(entry.transfer)) return false
    const step = this.steps.get(entry)
    const decision = Pull.matchEffect(
      Effect.flatMap(
        step === undefined
          ? Effect.tap(Schedule.toStep(this.schedule), (made) => Effect.sync(() => this.steps.set(entry, made)))
          : Effect.succeed(step),
        (step) => Effect.clockWith((clock) => step(clock.currentTimeMillisUnsafe(), failure))
      ),
      {
        onSuccess: ([, delay]) => Effect.succeed<Duration.Duration | undefined>(delay),
        onFailure: (cause) => Effect.failCause(cause as Cause.Cause<never>),
        onDone: () => Effect.succeed(undefined)
      }
    )
    const fiber = this.runFork(decision)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      this.decided(entry, exit)
    } else {
      this.waiting.set(entry, fiber)
      fiber.addObserver((exit) => {
        if (this.waiting.delete(entry)) this.decided(entry, exit)
      })
    }
    return true
  }

  private decided(entry: TaskEntry, exit: Exit.Exit<Duration.Duration | undefined>): void {
    if (entry.cancelled) {
      this.steps.delete(entry)
      return
    }
    if (exit._tag === "Failure") {
      this.steps.delete(entry)
      return this.policyDied(exit.cause)
    }
    if (exit.value === undefined) {
      this.steps.delete(entry)
      return this.giveUp(entry)
    }
    const millis = Duration.toMillis(exit.value)
    if (millis <= 0) return this.startAgain(entry)
    this.waiting.set(
      entry,
      this.timers.set(millis, () => {
        this.waiting.delete(entry)
        this.startAgain(entry)
      })
    )
  }

  private startAgain(entry: TaskEntry): void {
    typeOf(entry).counts.retried++
    this.retry(entry)
  }

  /** The task has its outcome: forgets its schedule. */
  settle(entry: TaskEntry): void {
    if (this.steps.size > 0) this.steps.delete(entry)
  }

  /** Cancels the waiting tasks that match. */
  cancel(matches: (entry: TaskEntry) => boolean): void {
    for (const entry of Array.from(this.waiting.keys())) {
      if (!matches(entry)) continue
      entry.cancelled = true
      this.stopWaiting(entry)
    }
  }

  /** Gives up every waiting task: its failure is its outcome. */
  giveUpAll(): void {
    for (const entry of Array.from(this.waiting.keys())) {
      // The end of one task may have ended its producer, and cancelled the others.
      if (!this.waiting.has(entry)) continue
      this.stopWaiting(entry)
      this.giveUp(entry)
    }
  }

  private stopWaiting(entry: TaskEntry): void {
    const wait = this.waiting.get(entry)!
    this.waiting.delete(entry)
    this.steps.delete(entry)
    if ("heapIndex" in wait) this.timers.clear(wait)
    else wait.interruptUnsafe()
  }

  /** Tasks that wait for a decision or for their next attempt. */
  get size(): number {
    return this.waiting.size
  }

  each(f: (entry: TaskEntry) => void): void {
    for (const entry of this.waiting.keys()) f(entry)
  }
}

/** Whether the task could not start, and no later attempt can. After `NoWorker` one can: a worker may join. */
const neverStarts = ({ reason }: Failure): boolean =>
  reason._tag === "UnknownTask" || (reason._tag === "Undecodable" && reason.part === "payload")
