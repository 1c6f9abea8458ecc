/** The stored outcomes of a run, for programs that look at it. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { TaskFailure } from "../../TaskFailure.ts"
import { DurableError, Unencodable } from "../durableError.ts"
import { toCodecError } from "../encoding/codecError.ts"
import type * as Task from "../task.ts"
import * as Outcomes from "./outcomes.ts"
import { persistBriefly, persistWithWarning } from "./persist.ts"
import { Portion } from "./portion.ts"
import type { PlacedRow, Store } from "./store.ts"
import * as TaskForm from "./taskForm.ts"
import { watch } from "./watch.ts"

/** One stored outcome of a run. */
export interface StoredOutcome<T extends Task.Any> {
  /** Its place in the order in which outcomes were stored, for `after`. */
  readonly cursor: number
  /** The key of its task within the run. */
  readonly key: string
  /** The name of its task. The task itself is stored with a failure only. */
  readonly name: T["_tag"]
  readonly result: Result.Result<Task.Success<T>, TaskFailure<T>>
}

/** Rows that are read together, unless they are large. */
const PAGE = 512

export interface StoredOptions {
  readonly after?: number | undefined
  readonly follow?: boolean | undefined
}

/** The outcomes of the tasks that are given, in the order in which they were stored. */
export const stream = (
  store: Store,
  run: string,
  tasks: ReadonlyMap<string, Task.AnyClass>,
  { after = 0, follow = false }: StoredOptions
): Stream.Stream<StoredOutcome<Task.Any>, DurableError> => {
  const forms = new Map<string, TaskForm.TaskForm>()
  const reading = (portion: Portion) => (from: number) => {
    const list = store.list(run, from, portion.size)
    return Effect.tap(
      follow ? persistWithWarning(run, list) : persistBriefly(list),
      (rows) => Effect.sync(() => portion.adapt(rows))
    )
  }
  const pages = Stream.unwrap(Effect.map(
    follow ? watch(store, run) : Effect.succeed(undefined),
    (changed) => {
      const read = reading(new Portion(PAGE))
      return Stream.paginate(after, (from) =>
        Effect.gen(function*() {
          let rows = yield* read(from)
          while (rows.length === 0 && changed !== undefined) {
            yield* changed
            rows = yield* read(from)
          }
          return [rows, Option.map(Option.fromUndefinedOr(rows.at(-1)), ({ id }) => id)] as const
        }))
    }
  ))
  return Stream.mapEffect(pages, (row) =>
    Effect.suspend(() => {
      const task = tasks.get(row.name)
      if (task === undefined) return Effect.succeed([])
      let form = forms.get(row.name)
      if (form === undefined) forms.set(row.name, form = TaskForm.make(task))
      return Effect.map(decode(row, form), (outcome) => [outcome])
    })).pipe(Stream.flattenIterable)
}

const decode = (row: PlacedRow, form: TaskForm.TaskForm): Effect.Effect<StoredOutcome<Task.Any>, DurableError> =>
  Effect.try({
    try: () => {
      const outcome: Outcomes.Outcome = { value: undefined, failure: undefined }
      const task = row.payload === null ? undefined : form.payload.decode(row.payload) as Task.Any
      Outcomes.fromRow({ form, task: task! }, row, outcome)
      const result = outcome.failure === undefined ? Result.succeed(outcome.value) : Result.fail(outcome.failure)
      return { cursor: row.id, key: row.key, name: row.name, result }
    },
    catch: (error) => {
      const part = row.state === "succeeded" ? "success" : "error"
      const message = `what is stored does not fit its schemas: ${toCodecError(error).message}`
      return new DurableError({ reason: new Unencodable({ task: row.name, part, message }) })
    }
  })
