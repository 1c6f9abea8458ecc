import { parentPort } from "node:worker_threads"
import * as Work from "../../workload/functions.ts"

parentPort!.on("message", (spins: ReadonlyArray<Work.Spin>) => parentPort!.postMessage(spins.map(Work.spin)))
