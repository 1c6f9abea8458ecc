/**
 * The loss of a thread, as the scheduler is told of it: which items may have started, and which one is proven to
 * have ended the thread. An item that is not claimed has not started; an item is proven guilty only if the thread
 * exited by itself.
 */
import type * as Executor from "../../../Executor.ts"
import type { Requests } from "./requests.ts"

export const lossOf = (
  requests: Requests,
  attribution: "nobody" | "ambiguous" | undefined,
  exitCode: number | undefined,
  error: unknown
): Executor.WorkerLoss => {
  const culprit = attribution === undefined ? requests.culprit() : undefined
  return {
    exitCode,
    outOfMemory: (error as { readonly code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY",
    attribution,
    chunks: requests.all.flatMap((request) => {
      const claimed = requests.claimed(request)
      const guilty = culprit?.request === request ? culprit.at : undefined
      return request.segments.map(({ chunk, start }) => ({
        chunk,
        started: (at: number) => start + at < claimed,
        culprit: guilty === undefined ? undefined : guilty - start
      }))
    })
  }
}
