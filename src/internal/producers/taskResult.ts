/** The outcome of a task as a value, for consumers that go on past failures. */
import * as Result from "effect/Result"
import type { TaskFailure } from "../../TaskFailure.ts"
import type { TaskEntry } from "../scheduler/producer.ts"
import type * as Task from "../task.ts"

/** One outcome, for `results` and for queues. */
export interface TaskResult<T extends Task.Any> {
  readonly index: number
  readonly task: T
  readonly result: Result.Result<Task.Success<T>, TaskFailure<T>>
}

/** Delivers the outcome of a settled entry. */
export const deliver = (entry: TaskEntry): TaskResult<Task.Any> => {
  const result = toResult(entry)
  entry.delivered()
  return result
}

/** The outcome of a settled entry. */
export const toResult = (entry: TaskEntry): TaskResult<Task.Any> => ({
  index: entry.index,
  task: entry.task,
  result: entry.failure === undefined ? Result.succeed(entry.value) : Result.fail(entry.failure)
})
