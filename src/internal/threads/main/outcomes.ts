/**
 * Settles the items of a `done` message. The time that the thread spent on them is recorded before any of them is
 * settled, because settling an item may make the scheduler size and send the next chunk.
 */
import type * as Executor from "../../../Executor.ts"
import { fromColumns } from "../../encoding/columns.ts"
import type { Done } from "../protocol/messages.ts"
import type { Request } from "./request.ts"
import type { Requests } from "./requests.ts"

/** Settles the items; returns their number. */
export const settleOutcomes = (
  [, , results, failures, micros]: Done,
  request: Request,
  requests: Requests,
  scheduler: Pick<Executor.Scheduler, "recordBusy">
): number => {
  if ("bytes" in results) {
    requests.succeedEncoded(request, results, micros)
    return results.to - results.from
  }
  const ended: Array<number> = []
  const values: Array<unknown> = []
  for (const { at, values: encoded } of results) {
    const decoded = fromColumns(encoded)
    for (let i = 0; i < decoded.length; i++) {
      ended.push(typeof at === "number" ? at + i : at[i])
      values.push(decoded[i])
    }
  }
  for (const [at] of failures) ended.push(at)
  scheduler.recordBusy(ended.map((at) => request.items[at]), micros)
  for (let i = 0; i < values.length; i++) requests.succeed(request, ended[i], values[i])
  for (const [at, failure] of failures) requests.fail(request, at, failure)
  return ended.length
}
