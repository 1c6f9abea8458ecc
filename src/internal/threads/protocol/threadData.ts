/**
 * The data that the current thread was started with, if it is a thread of a pool. Other threads, and the main thread,
 * may have any data.
 */
import { isMainThread, workerData } from "node:worker_threads"
import type { ThreadData } from "./messages.ts"

export const threadData = (): ThreadData | undefined => {
  const data = workerData as Partial<ThreadData> | null | undefined
  const isOurs = !isMainThread && data?.shared instanceof SharedArrayBuffer && typeof data.module === "string"
  return isOurs ? data as ThreadData : undefined
}
