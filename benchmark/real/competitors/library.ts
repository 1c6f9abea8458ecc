/**
 * The interface of every library in its process, and the loop of the libraries that return a promise for each task.
 */
import { forEachInFlight } from "../../harness/concurrency.ts"
import { Tally } from "../../harness/tally.ts"
import type { Input, Payload, Result, TaskName } from "../workload/inputs.ts"

/** Each module in this folder that stands for a library exports one as `prepare`. */
export type Prepare = <T extends TaskName>(
  input: Input<T>,
  payload: (i: number) => Payload<T>
) => () => Pool | Promise<Pool>

export interface Pool {
  /** Runs the first `tasks` tasks, and tallies their results. */
  readonly run: (tasks: number) => Promise<Tally>
  readonly close: () => Promise<unknown>
}

/** Runs the tasks with `IN_FLIGHT` of them in flight. */
export const runAll = async <T extends TaskName>(
  { toNumber }: Input<T>,
  payload: (i: number) => Payload<T>,
  tasks: number,
  runOne: (payload: Payload<T>) => unknown
): Promise<Tally> => {
  const tally = new Tally()
  await forEachInFlight(tasks, async (i) => {
    // Every library returns results without their type.
    tally.success(toNumber(await runOne(payload(i)) as Result<T>))
  })
  return tally
}
