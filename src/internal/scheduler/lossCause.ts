/** Names the cause of a lost worker, for metrics and recordings. */
import type * as Contract from "./contract.ts"

/** One of `out of memory`, `terminated`, `exit` and `connection`. */
export const causeOf = (
  { attribution, exitCode, outOfMemory, signal }: Contract.WorkerExit & Pick<Contract.WorkerLoss, "attribution">
): string => {
  if (outOfMemory) return "out of memory"
  // A timeout or an interruption that a task did not obey has its outcome already.
  if (attribution === "nobody") return "terminated"
  return exitCode === undefined && signal === undefined ? "connection" : "exit"
}
