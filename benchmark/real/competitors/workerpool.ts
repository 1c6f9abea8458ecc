/** workerpool, whose workers register the functions of the module that they get as `workerData`. */
import { fileURLToPath } from "node:url"
import workerpool from "workerpool"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl, type Prepare, runAll } from "./library.ts"

export const prepare: Prepare = (input, payload) => () => {
  const pool = workerpool.pool(fileURLToPath(moduleUrl("competitors/workers/workerpool")), {
    minWorkers: THREADS,
    maxWorkers: THREADS,
    workerType: "thread",
    workerThreadOpts: { workerData: moduleUrl(`workload/functions/${input.module}`).href }
  })
  return {
    run: (tasks) => runAll(input, payload, tasks, (payload) => pool.exec(input.function, [payload])),
    close: () => Promise.resolve(pool.terminate(true))
  }
}
