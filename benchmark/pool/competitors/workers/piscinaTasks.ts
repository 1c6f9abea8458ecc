// What a thread of papyros has to load for the same tasks.
import "../../workload/tasks.ts"

export { inc } from "../../workload/functions.ts"
