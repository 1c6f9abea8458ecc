import { Piscina } from "piscina"
import { Tally } from "../../../harness/tally.ts"
import { THREADS, windowed } from "../../workload/concurrency.ts"
import { report, setting, tasks } from "./child.ts"

const pool = new Piscina({
  filename: new URL("../../competitors/workers/piscina.ts", import.meta.url).href,
  minThreads: THREADS,
  maxThreads: THREADS,
  concurrentTasksPerWorker: setting
})
const options = { name: "inc" }
const tally = new Tally()
await windowed(tasks, async (i) => {
  tally.success(await pool.run(i + 1, options))
})
report(tally)
await pool.destroy()
