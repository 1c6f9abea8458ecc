/**
 * The attempts of tasks that failed or lost their worker, for the details of a failure that follows.
 *
 * Must stay true: a task that has ended is not kept in memory, and neither memory nor time grow with the rate of failures:
 * beyond a number of attempts per second, and of one task, attempts are left out.
 */
import type * as Contract from "../scheduler/contract.ts"
import { causeOf } from "../scheduler/lossCause.ts"
import type { Attempt } from "./model.ts"
import { shortName } from "./sizes.ts"
import { Tokens } from "./tokens.ts"

/** The number of attempts of one task that are kept: the latest ones. */
export const ATTEMPTS = 8

export class Attempts {
  private readonly byTask = new WeakMap<object, ReadonlyArray<Attempt>>()
  private readonly tokens = new Tokens()

  /** The attempts of a task so far, the oldest first. */
  of(task: object): ReadonlyArray<Attempt> {
    return this.byTask.get(task) ?? []
  }

  add(task: object, attempt: Attempt): void {
    if (!this.tokens.take(attempt.at)) return
    this.byTask.set(task, [...this.of(task), attempt].slice(-ATTEMPTS))
  }

  /** The worker of an attempt was lost, and the task starts again. */
  addLoss(
    task: object,
    attempt: number,
    worker: string,
    exit: Contract.WorkerExit,
    isCulprit: boolean,
    at: number
  ): void {
    const cause = causeOf(exit)
    const message = isCulprit ? `${cause}; this task ended the worker` : cause
    this.add(task, { attempt, at, worker: shortName(worker), reason: "WorkerLost", message })
  }
}
