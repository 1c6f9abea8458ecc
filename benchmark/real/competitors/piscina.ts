/** piscina, with one task at a time in a thread, or with `PREFETCH` that it may send ahead. */
import { Piscina } from "piscina"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { type Prepare, runAll } from "./library.ts"

export const prepareWith = (concurrentTasksPerWorker: number): Prepare => (input, payload) => () => {
  const pool = new Piscina({
    filename: moduleUrl(`../workload/functions/${input.module}.ts`, import.meta.url).href,
    minThreads: THREADS,
    maxThreads: THREADS,
    concurrentTasksPerWorker
  })
  const options = { name: input.function }
  return {
    run: (tasks) => runAll(input, payload, tasks, (payload) => pool.run(payload, options)),
    close: () => pool.destroy()
  }
}
