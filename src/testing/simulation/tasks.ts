/**
 * The tasks of generated programs. The payload of a task is only the key of its plan in the run, so that handlers can
 * follow the plan and report to the oracle.
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

/** A task whose class has a `taskTimeout`. */
export class Brief extends Task.Class<Brief>()("Brief", { ...schemas, taskTimeout: 35 }) {}

/** A task that no group contains. */
class Absent extends Task.Class<Absent>()("Absent", schemas) {}

/**
 * The tasks that a dispatcher must serve to be simulated.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export const SimulatedTasks = TaskGroup.make(Work, Side, Once, Brief)

/** The tasks in two groups, for a dispatcher that routes to two others. */
export const halves = [TaskGroup.make(Work, Once), TaskGroup.make(Side, Brief)] as const

/** Any simulated task, including the one that is not served. */
export type SimulatedTask = Work | Side | Once | Brief | Absent

/** The classes by name. */
export const classes = { Work, Side, Once, Brief, Absent }

/** The `taskTimeout` of a task class, in milliseconds. */
export const ownTimeout = (name: keyof typeof classes): number | undefined => name === "Brief" ? 35 : undefined

/** The success of the task with a key. */
export const valueOf = (key: number): number => 2 * key + 1

/** A result that does not fit the schema. */
export const misfitOf = (key: number): number => `misfit ${key}` as unknown as number

/** The key of the task that returned this value, or `undefined` if no task can have returned it. */
export const keyOf = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isInteger(value) && value % 2 === 1 ? (value - 1) / 2 : undefined
  const match = /^misfit (\d+)$/.exec(String(value))
  return match === null ? undefined : Number(match[1])
}
