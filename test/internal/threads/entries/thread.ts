import { Worker } from "node:worker_threads"

/** A thread whose module opens a pool of the same function while it is loaded. */
export const opensItself = () => new Worker(new URL("./opensItselfByFunction.ts", import.meta.url))
