/** A worker of piscina that also loads the modules that a thread of papyros loads for the same tasks. */
import "../../workload/tasks.ts"

export { inc } from "../../workload/functions.ts"
