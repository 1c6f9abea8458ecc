/** workerpool, whose workers register the functions of the module that they get as `workerData`. */
import { fileURLToPath } from "node:url"
import workerpool from "workerpool"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { type Prepare, runAll } from "./library.ts"

export const prepare: Prepare = (input, payload) => () => {
  const pool = workerpool.pool(fileURLToPath(moduleUrl("./workers/workerpool.ts", import.meta.url)), {
    minWorkers: THREADS,
    maxWorkers: THREADS,
    workerType: "thread",
    workerThreadOpts: { workerData: moduleUrl(`../workload/functions/${input.module}.ts`, import.meta.url).href }
  })
  return {
    run: (tasks) => runAll(input, payload, tasks, (payload) => pool.exec(input.function, [payload])),
    close: () => Promise.resolve(pool.terminate(true))
  }
}
