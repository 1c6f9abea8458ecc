/** The worker of workerpool. */
import { workerData } from "node:worker_threads"
import workerpool from "workerpool"

// A copy: workerpool calls a method of `Object.prototype`, which a module does not have.
workerpool.worker({ ...await import(workerData) })
