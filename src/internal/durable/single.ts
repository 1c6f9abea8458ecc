/** One task of a durable run, outside of an execution: gives its stored outcome, or runs it and stores its outcome. */
import * as Effect from "effect/Effect"
import { isTaskFailure, type TaskFailure } from "../../TaskFailure.ts"
import { DurableError } from "../durableError.ts"
import type { DispatcherClosed } from "../errors.ts"
import * as Task from "../task.ts"
import * as Outcomes from "./outcomes.ts"
import { lost, type Ownership } from "./ownership.ts"
import { persist } from "./persist.ts"
import type { Row, Store } from "./store.ts"
import { type KeyedTask, TaskKeys } from "./taskKeys.ts"

export interface SingleOptions {
  readonly store: Store
  readonly run: string
  readonly ownership: Ownership
  readonly key: string | undefined
  readonly rerun: "failed" | "none"
}

type Failure = TaskFailure<Task.Any>

const exitOf = ({ failure, value }: Outcomes.Outcome): Effect.Effect<unknown, Failure> =>
  failure === undefined ? Effect.succeed(value) : Effect.fail(failure)

/** What the key of a task throws is an error of the run, or a defect. */
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
  { key, ownership, rerun, run, store }: SingleOptions
): Effect.Effect<unknown, Failure | DispatcherClosed | DurableError, R> => {
  const append = (row: Row) =>
    Effect.flatMap(
      persist(store.append(run, ownership.owner, [row])),
      (owned) => owned ? Effect.void : Effect.fail(lost(run))
    )
  const outcomeOf = (keyed: KeyedTask, rows: ReadonlyArray<Row>) => {
    const outcome: Outcomes.Outcome = { value: undefined, failure: undefined }
    for (const row of rows) Outcomes.fromRow(keyed, row, outcome)
    return exitOf(outcome)
  }
  const idempotent = task[Task.TypeId].idempotent
  return Effect.gen(function*() {
    const keys = new TaskKeys(key === undefined ? undefined : () => key, false)
    const keyed = yield* identify(keys, task)
    const stored = yield* persist(store.lookup(run, [keyed.key]))
    if (stored.some((row) => Outcomes.counts(row, rerun, idempotent))) return yield* outcomeOf(keyed, stored)
    if (!idempotent) yield* append(Outcomes.toClaim(keyed))
    const outcome: Outcomes.Outcome = yield* Effect.matchEffect(dispatch, {
      onSuccess: (value) => Effect.succeed({ value, failure: undefined }),
      onFailure: (error) =>
        error._tag === "DispatcherClosed" ? Effect.fail(error) : Effect.succeed({ value: undefined, failure: error })
    })
    const row = Outcomes.toRow(keyed, outcome)
    yield* append(row)
    // An equal task that ran at the same time may have been the first to succeed: its outcome is the one.
    const [now] = yield* persist(store.lookup(run, [keyed.key]))
    return yield* now === undefined || now.outcome === row.outcome ? exitOf(outcome) : outcomeOf(keyed, [now])
  })
}
