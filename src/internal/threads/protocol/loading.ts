/**
 * The handlers modules that are being loaded around the current code. A module that opens a pool of itself while it is
 * loaded would start threads without end: each of them loads the module, and opens a pool.
 */
import { isMainThread, workerData } from "node:worker_threads"
import type { ThreadData } from "./messages.ts"
import { SharedState } from "./sharedState.ts"

/** Their URLs, outermost first; empty outside of threads, and in a thread that has loaded its handlers. */
export const loadingHandlers = (): ReadonlyArray<string> => {
  // A thread that is not of a pool may have any data.
  const data = workerData as Partial<ThreadData> | null | undefined
  if (isMainThread || !(data?.shared instanceof SharedArrayBuffer) || data.handlers === undefined) return []
  return new SharedState(data.shared).loaded ? [] : [...data.loading ?? [], data.handlers]
}
