/** tinypool, with one task at a time in a thread. */
import Tinypool from "tinypool"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { type Prepare, runAll } from "./library.ts"

export const prepare: Prepare = (input, payload) => () => {
  const pool = new Tinypool({
    filename: moduleUrl(`../workload/functions/${input.module}.ts`, import.meta.url).href,
    minThreads: THREADS,
    maxThreads: THREADS
  })
  const options = { name: input.function }
  return {
    run: (tasks) => runAll(input, payload, tasks, (payload) => pool.run(payload, options)),
    close: () => pool.destroy()
  }
}
