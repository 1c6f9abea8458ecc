/** n + 1, the function of nearly all cases of the remote suite, and its expected results. Imports nothing but the tally. */
import { Tally } from "../../harness/tally.ts"

export const inc = (n: number): number => n + 1

/** The workload of n + 1, for n from 1 to `tasks`. */
export const incrementsWorkload = (tasks: number) => ({ tasks, expected: Tally.ofRange(inc(1), inc(tasks)) })
