/**
 * The modules of pools that are being loaded around the current code. A module that opens a pool of itself while it is
 * loaded would start threads without end: each of them loads the module, and opens a pool.
 */
import { SharedState } from "./sharedState.ts"
import { threadData } from "./threadData.ts"

/** Their URLs, outermost first; empty outside of threads, and in a thread that has loaded its handlers. */
export const loadingModules = (): ReadonlyArray<string> => {
  const data = threadData()
  if (data === undefined || new SharedState(data.shared).loaded) return []
  return [...data.loading, data.module]
}
