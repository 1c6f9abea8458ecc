/**
 * The tasks of generated programs. Their payload is only a key: their plan is found under it in the
 * run that they belong to, so that handlers do what the plan says and tell the oracle.
 */
import * as Schema from "effect/Schema"
import * as Task from "../../Task.ts"
import * as TaskGroup from "../../TaskGroup.ts"

/** The typed error of every task of a generated program. */
export class Refusal extends Schema.TaggedError<Refusal>("papyros/testing/Refusal")("Refusal", {
  key: Schema.Int,
  attempt: Schema.Int
}) {}

const schemas = { payload: { key: Schema.Int }, success: Schema.Int, error: Refusal }

/** A plain task. */
export class Work extends Task.Class<Work>()("Work", schemas) {}

/** A plain task that a routed dispatcher runs elsewhere than `Work`. */
export class Side extends Task.Class<Side>()("Side", schemas) {}

/** A task that must not start again unless it failed with a typed error. */
export class Once extends Task.Class<Once>()("Once", { ...schemas, idempotent: false }) {}

/** A task with a bound of its own. */
export class Brief extends Task.Class<Brief>()("Brief", { ...schemas, taskTimeout: 35 }) {}

/** A task that no group holds. */
class Absent extends Task.Class<Absent>()("Absent", schemas) {}

/**
 * The tasks that a dispatcher must serve to be simulated.
 *
 * @stability experimental
 * @category simulation
 * @since 0.1.0
 */
export const SimulatedTasks = TaskGroup.make(Work, Side, Once, Brief)

/** The two halves of them, for a dispatcher made of two. */
export const halves = [TaskGroup.make(Work, Once), TaskGroup.make(Side, Brief)] as const

/** Any of them, and the one that is not served. */
export type SimulatedTask = Work | Side | Once | Brief | Absent

/** The classes by name. */
export const classes = { Work, Side, Once, Brief, Absent }

/** The bound that a task has by itself, in milliseconds. */
export const ownTimeout = (name: keyof typeof classes): number | undefined => name === "Brief" ? 35 : undefined

/** What the task of a key succeeds with. */
export const valueOf = (key: number): number => 2 * key + 1

/** The value that does not fit the schema of results. */
export const misfitOf = (key: number): number => `misfit ${key}` as unknown as number

/** The key of the task that gave this value, or `undefined` if none can have given it. */
export const keyOf = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isInteger(value) && value % 2 === 1 ? (value - 1) / 2 : undefined
  const match = /^misfit (\d+)$/.exec(String(value))
  return match === null ? undefined : Number(match[1])
}
