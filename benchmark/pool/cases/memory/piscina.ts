/** The process of piscina. */
import { Piscina } from "piscina"
import { forEachInFlight, THREADS } from "../../../harness/concurrency.ts"
import { moduleUrl } from "../../../harness/modules.ts"
import { Tally } from "../../../harness/tally.ts"
import { concurrentTasksPerWorker, report, tasks } from "./child.ts"

const pool = new Piscina({
  filename: moduleUrl("../../competitors/workers/piscina.ts", import.meta.url).href,
  minThreads: THREADS,
  maxThreads: THREADS,
  concurrentTasksPerWorker
})
const options = { name: "inc" }
const tally = new Tally()
await forEachInFlight(tasks, async (i) => {
  tally.success(await pool.run(i + 1, options))
})
report(tally)
await pool.destroy()
