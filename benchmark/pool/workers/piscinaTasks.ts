// What a thread of papyros has to load for the same tasks.
import "../tasks.ts"

export { inc } from "../work.ts"
