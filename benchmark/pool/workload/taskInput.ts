/**
 * The tasks of one case as data: a function and a payload per task, the same for every competitor.
 *
 * Payloads must be distinct objects: structured clone writes an object that occurs twice in a message only once.
 */
import type { FunctionName, Payloads } from "./functions.ts"

export interface TaskInput<F extends FunctionName> {
  readonly function: F
  /** The payload of the task with this index, counted from 0. */
  readonly payload: (i: number) => Payloads[F]
  /** The number by which a tally counts a result. */
  readonly toNumber: (result: unknown) => number
  /** Whether buffers are transferred in both directions instead of copied. */
  readonly transfer: boolean
}

/** n + 1, for n from 1. */
export const increments: TaskInput<"inc"> = {
  function: "inc",
  payload: (i) => i + 1,
  toNumber: Number,
  transfer: false
}
