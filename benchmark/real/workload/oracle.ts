/** The expected results of a case, computed by calling its function in this process. */
import type { Workload } from "../../harness/model.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { Tally } from "../../harness/tally.ts"
import type { Input, TaskName } from "./inputs.ts"

/** Returns the workload of the first `tasks` tasks of an input. */
export const workloadsOf = async <T extends TaskName>(input: Input<T>): Promise<(tasks: number) => Workload> => {
  const module = await import(moduleUrl(`../workload/functions/${input.module}.ts`, import.meta.url).href)
  const payload = input.payloads(input.distinct)
  const results: Array<number> = []
  for (let i = 0; i < input.distinct; i++) {
    results.push(input.toNumber(await module[input.function](payload(i))))
  }
  return (tasks) => {
    const expected = new Tally()
    for (let i = 0; i < tasks; i++) expected.success(results[i % input.distinct])
    return { tasks, expected }
  }
}
