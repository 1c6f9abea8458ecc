/** One task of a durable run, outside of an execution: gives its stored outcome, or runs it and stores its outcome. */
import * as Effect from "effect/Effect"
import { isTaskFailure, type TaskFailure } from "../../TaskFailure.ts"
import { DurableError } from "../durableError.ts"
import type { DispatcherClosed } from "../errors.ts"
import * as Task from "../task.ts"
import * as Outcomes from "./outcomes.ts"
import { lost } from "./ownership.ts"
import { persist } from "./persist.ts"
import type { Single } from "./singles.ts"
import type { Row, Store } from "./store.ts"
import { type KeyedTask, TaskKeys } from "./taskKeys.ts"

export interface SingleOptions {
  readonly store: Store
  readonly run: string
  readonly single: Single
  readonly key: string | undefined
  readonly rerun: "failed" | "none"
}

type Failure = TaskFailure<Task.Any>

const exitOf = ({ failure, value }: Outcomes.Outcome): Effect.Effect<unknown, Failure> =>
  failure === undefined ? Effect.succeed(value) : Effect.fail(failure)

/** An error that the function `key` throws is an error of the run, or a defect. */
const identify = (keys: TaskKeys, task: Task.Any): Effect.Effect<KeyedTask, DurableError | Failure> =>
  Effect.flatMap(
    Effect.catchDefect(
      Effect.sync(() => keys.key(task)),
      (defect) => defect instanceof DurableError ? Effect.fail(defect) : Effect.die(defect)
    ),
    (keyed) => isTaskFailure(keyed) ? Effect.fail(keyed) : Effect.succeed(keyed)
  )

export const runSingle = <R>(
  task: Task.Any,
  dispatch: Effect.Effect<unknown, Failure | DispatcherClosed, R>,
  { key, rerun, run, single, store }: SingleOptions
): Effect.Effect<unknown, Failure | DispatcherClosed | DurableError, R> => {
  const append = (row: Row) =>
    Effect.flatMap(
      persist(store.append(run, single.ownership.owner, [row])),
      (owned) => owned ? Effect.void : Effect.fail(lost(run))
    )
  const outcomeOf = (keyed: KeyedTask, rows: ReadonlyArray<Row>) => {
    const outcome: Outcomes.Outcome = { value: undefined, failure: undefined }
    for (const row of rows) Outcomes.fromRow(keyed, row, outcome)
    return exitOf(outcome)
  }
  const idempotent = task[Task.TypeId].idempotent
  const execute = (keyed: KeyedTask) =>
    Effect.gen(function*() {
      const stored = yield* persist(store.lookup(run, [keyed.key]))
      if (stored.some((row) => Outcomes.counts(row, rerun, idempotent))) return yield* outcomeOf(keyed, stored)
      if (!idempotent) yield* append(Outcomes.toClaim(keyed))
      const outcome: Outcomes.Outcome = yield* Effect.matchEffect(dispatch, {
        onSuccess: (value) => Effect.succeed({ value, failure: undefined }),
        onFailure: (error) =>
          error._tag === "DispatcherClosed" ? Effect.fail(error) : Effect.succeed({ value: undefined, failure: error })
      })
      yield* append(Outcomes.toRow(keyed, outcome))
      return yield* exitOf(outcome)
    })
  const keys = new TaskKeys(key === undefined ? undefined : () => key, false, single.forms)
  return Effect.flatMap(identify(keys, task), (keyed) => single.alone(keyed.key, execute(keyed)))
}
