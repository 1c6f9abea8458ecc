/**
 * The outcome that a task must have, as far as its attempts determine it: the reason of a failure, the attempts that its
 * retry policy allows, and the time of the next one.
 */
import type { RetryPlan } from "./program.ts"
import {
  type Attempt,
  type AttemptEnd,
  isRunning,
  type Outcome,
  type ProducerState,
  type Promises,
  type TaskState,
  timeoutOf
} from "./state.ts"
import { misfitOf, valueOf } from "./tasks.ts"

/** How long an attempt that timed out and does not stop holds back its outcome, in milliseconds. */
export const GRACE = 1000

/** The tag of the reason that an attempt ends with. */
const REASONS: Record<Exclude<AttemptEnd, "success">, string> = {
  fail: "Failed",
  die: "Defect",
  interrupt: "Interrupted",
  misfit: "Undecodable",
  cut: "TimedOut"
}

/** Whether a policy tries a task again after its n-th failure, and after how long. */
const retryAfter = (retry: RetryPlan | undefined, failures: number, reason: string): number | undefined => {
  if (retry === undefined || failures > retry.times) return undefined
  switch (retry.kind) {
    case "times":
      return 0
    case "spaced":
      return retry.millis
    case "exponential":
      return retry.millis * 2 ** (failures - 1)
    case "while":
    case "whileEffect":
      return reason === "Failed" ? 0 : undefined
    case "until":
      return reason === "Defect" ? undefined : 0
    case "defect":
      return undefined
  }
}

/** Whether it ended by itself at the very moment of its timeout: either may be its outcome. */
export const isTie = ({ ended, since, task, until }: Attempt): boolean =>
  ended !== "cut" && until - since === timeoutOf(task)

/** When an attempt that ended was reported as failed: one that timed out does not hold that back until it stops. */
export const failedAt = ({ since, task, until }: Attempt): number =>
  Math.min(until, since + (timeoutOf(task) ?? Infinity) + GRACE)

/** Attempts that have ended and whose worker was not lost, without the last `but` starts. */
export const failuresOf = ({ attempts, lost }: TaskState, but = 0): Array<Attempt> =>
  attempts.slice(0, attempts.length - but).filter(({ ended, number }) => !lost.has(number) && ended !== undefined)

/** The outcomes of tasks on a dispatcher. */
export class ExpectedOutcomes {
  private readonly promises: Promises

  constructor(promises: Promises) {
    this.promises = promises
  }

  /** The tag of the outcome that an attempt alone would give. */
  reasonOf(attempt: Attempt): string {
    const timeout = timeoutOf(attempt.task)
    const elapsed = attempt.until - attempt.since
    if (timeout !== undefined && (elapsed > timeout || (elapsed === timeout && attempt.ended === "cut"))) {
      return "TimedOut"
    }
    if (attempt.ended === "success" || (attempt.ended === "misfit" && !this.promises.codec)) return "ok"
    return attempt.ended === "cut" ? "cut" : REASONS[attempt.ended!]
  }

  /** How long after its last failure a task is tried again, or `undefined` if it is not. */
  retryDelay(task: TaskState, failed: ReadonlyArray<Attempt>): number | undefined {
    const reason = this.reasonOf(failed.at(-1)!)
    if (reason === "ok" || (task.plan.name === "Once" && reason !== "Failed")) return undefined
    return retryAfter(task.producer.retry, failed.length, reason)
  }

  /** Whether a task has its outcome, even if the program has not received the outcome yet. */
  isSettled(task: TaskState): boolean {
    const ended = failuresOf(task)
    return ended.length > 0 && !isRunning(task.attempts.at(-1)) && this.retryDelay(task, ended) === undefined
  }

  /** Whether a task of the producer, with an index below the given one, has ended with a failure for good. */
  hasFailed(producer: ProducerState, before = Infinity): boolean {
    return producer.tasks.some((task) =>
      task.index < before && this.isSettled(task) && this.reasonOf(failuresOf(task).at(-1)!) !== "ok"
    )
  }

  /** Whether a task has failed and waits for its next attempt. */
  waitsForRetry(task: TaskState, now: number): boolean {
    const last = task.attempts.at(-1)
    if (last === undefined || isRunning(last)) return false
    const delay = this.retryDelay(task, failuresOf(task))
    return delay !== undefined && now < failedAt(last) + delay
  }

  /** The errors of an outcome that the program received at a time, each to follow "the task ended with …". */
  check(task: TaskState, { attempt, error, tag, value }: Outcome, now: number): ReadonlyArray<string> {
    const { key, plan } = task
    if (plan.name === "Absent") return tag === "UnknownTask" ? [] : ["though no group holds it"]
    const last = task.attempts.at(-1)
    if (tag === "WorkerLost") {
      const guilty = task.lost.size > 0 && (plan.name === "Once" || task.lost.size >= 3)
      return guilty ? [] : [`after ${task.lost.size} lost workers`]
    }
    if (last === undefined) return ["though it never started"]
    if (tag === "TimedOut" && isRunning(last) && now - last.since >= timeoutOf(task)! + GRACE) return []
    const counted = failuresOf(task)
    const final = counted.at(-1)
    if (final === undefined || isRunning(last)) return ["though it was running"]
    if (isTie(final) && tag === "TimedOut") return []
    const reason = this.reasonOf(final)
    if (tag !== reason) return [`though its attempt ${final.number} ended with ${reason}`]
    if (tag === "ok") {
      const expected = final.ended === "misfit" ? misfitOf(key) : valueOf(key)
      return value === expected ? [] : [`with ${String(value)} instead of ${expected}`]
    }
    const errors: Array<string> = []
    if (attempt !== final.number) errors.push(`said to be of attempt ${attempt} instead of ${final.number}`)
    const { retry, spoiled } = task.producer
    if (retry?.kind === "defect" && !spoiled && (plan.name !== "Once" || tag === "Failed")) {
      errors.push("though its retry policy died")
    }
    if (tag === "Failed" && (error?.key !== key || error.attempt !== final.number)) errors.push("with another error")
    if (task.lost.size === 0 && !spoiled && this.retryDelay(task, counted) !== undefined) {
      errors.push("though its policy had it tried again")
    }
    return errors
  }
}
