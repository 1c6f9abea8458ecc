/** No pool: the function is called in this thread. Of functions that return a promise, `IN_FLIGHT` calls are made. */
import { moduleUrl, type Prepare, runAll } from "./library.ts"

export const prepare: Prepare = (input, payload) => async () => {
  const module = await import(moduleUrl(`workload/functions/${input.module}`).href)
  return {
    run: (tasks) => runAll(input, payload, tasks, module[input.function]),
    close: () => Promise.resolve()
  }
}
