/** The outcomes of tasks as rows of a store, and rows as outcomes. */
import * as TaskFailure from "../../TaskFailure.ts"
import type { TaskEntry } from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import type { Row } from "./store.ts"
import { undecodable } from "./taskForm.ts"
import type { KeyedTask } from "./taskKeys.ts"

/** The value or failure of a task, as an entry has it. */
export type Outcome = Pick<TaskEntry, "value" | "failure">

/** The row of a task that was handed to the dispatcher and must not start twice. */
export const toClaim = ({ key, payload, task }: KeyedTask): Row => ({
  key,
  name: task._tag,
  state: "claimed",
  payload,
  outcome: null,
  reason: null
})

/** The row of an outcome. A value that has no JSON form makes the task fail, which changes the outcome. */
export const toRow = (keyed: KeyedTask, outcome: Outcome): Row => {
  const { form, key, task } = keyed
  const name = task._tag
  if (outcome.failure === undefined) {
    try {
      return { key, name, state: "succeeded", payload: null, outcome: form.success.encode(outcome.value), reason: null }
    } catch (error) {
      outcome.value = undefined
      outcome.failure = failureOf(task, undecodable("success", error))
    }
  }
  return failureRow(keyed, outcome)
}

const failureRow = (keyed: KeyedTask, outcome: Outcome): Row => {
  const { form, key, payload, task } = keyed
  const failure = outcome.failure!
  const row = { key, name: task._tag, state: "failed", payload } as const
  try {
    return { ...row, outcome: form.encodeFailure(failure), reason: failure.reason._tag }
  } catch (error) {
    const { attempt, trace, worker } = failure
    outcome.failure = TaskFailure.make({ task, attempt, worker, trace, reason: undecodable("error", error) })
    return { ...row, outcome: form.encodeFailure(outcome.failure), reason: outcome.failure.reason._tag }
  }
}

/** Sets the outcome of a row. A success that does not decode is a failure, since its task must not run again. */
export const fromRow = ({ form, task }: Pick<KeyedTask, "form" | "task">, row: Row, outcome: Outcome): void => {
  try {
    if (row.state === "claimed") outcome.failure = failureOf(task, new TaskFailure.WorkerLost({ outOfMemory: false }))
    else if (row.state === "failed") outcome.failure = form.decodeFailure(row.outcome!, task)
    else outcome.value = form.success.decode(row.outcome!)
  } catch (error) {
    outcome.failure = failureOf(task, undecodable(row.state === "failed" ? "error" : "success", error))
  }
}

const failureOf = (task: Task.Any, reason: TaskFailure.Reason<unknown>): TaskFailure.TaskFailure<Task.Any> =>
  TaskFailure.make({ task, attempt: 1, worker: "the store of its run", trace: "", reason })

/** Reasons after which a task that must not start twice may run again: its handler failed, or it has not started. */
const SAFE = new Set(["Failed", "NoWorker", "UnknownTask"])

/** Whether a row is the outcome of its task, which then does not run. */
export const counts = ({ reason, state }: Row, rerun: "failed" | "none", idempotent: boolean): boolean =>
  state !== "failed" || rerun === "none" || (!idempotent && !SAFE.has(reason!))
