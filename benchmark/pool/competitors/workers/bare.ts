/** A bare worker thread: one message of payloads in, one message of results out. */
import { parentPort } from "node:worker_threads"
import * as Functions from "../../workload/functions.ts"

parentPort!.on("message", (spins: ReadonlyArray<Functions.Spin>) => parentPort!.postMessage(spins.map(Functions.spin)))
