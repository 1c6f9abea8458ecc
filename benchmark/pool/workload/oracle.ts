/** The expected results of a case, computed by calling its function in this process. */
import type { Workload } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import type { FunctionName, Payloads } from "./functions.ts"
import type { TaskInput } from "./taskInput.ts"

/**
 * Returns a workload of the first `tasks` tasks of an input. Slow competitors run fewer tasks than fast ones, so that
 * a run of each takes a tenth of a second or more.
 */
export const workloadsOf = <F extends FunctionName>(
  input: TaskInput<F>,
  call: (payload: Payloads[F]) => unknown
) => {
  const results: Array<number> = []
  return (tasks: number): Workload => {
    while (results.length < tasks) results.push(input.toNumber(call(input.payload(results.length))))
    const expected = new Tally()
    for (let i = 0; i < tasks; i++) expected.success(results[i])
    return { tasks, expected }
  }
}
