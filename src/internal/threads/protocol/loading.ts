/**
 * The modules of pools that are being loaded around the current code. A module that opens a pool of itself while it is
 * loaded would start threads without end: each of them loads the module, and opens a pool.
 */
import { platform } from "#platform"

/** Their URLs, outermost first; empty outside of threads, and in a thread that has loaded its handlers. */
export const loadingModules = (): ReadonlyArray<string> => {
  const start = platform.threadStart()
  return start === undefined || start.phase === "loaded" ? [] : start.loading
}
