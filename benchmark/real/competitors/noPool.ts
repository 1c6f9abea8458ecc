/** No pool: the function is called in this thread. Of functions that return a promise, `IN_FLIGHT` calls are made. */
import { moduleUrl } from "../../harness/modules.ts"
import { type Prepare, runAll } from "./library.ts"

export const prepare: Prepare = (input, payload) => async () => {
  const module = await import(moduleUrl(`../workload/functions/${input.module}.ts`, import.meta.url).href)
  return {
    run: (tasks) => runAll(input, payload, tasks, module[input.function]),
    close: () => Promise.resolve()
  }
}
