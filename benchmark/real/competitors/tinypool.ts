/** tinypool, with one task at a time in a thread. */
import Tinypool from "tinypool"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl, type Prepare, runAll } from "./library.ts"

export const prepare: Prepare = (input, payload) => () => {
  const pool = new Tinypool({
    filename: moduleUrl(`workload/functions/${input.module}`).href,
    minThreads: THREADS,
    maxThreads: THREADS
  })
  const options = { name: input.function }
  return {
    run: (tasks) => runAll(input, payload, tasks, (payload) => pool.run(payload, options)),
    close: () => pool.destroy()
  }
}
