/** The counts of one type of task, summed over parts of a merged recording. */
import { RUN_TIME_BUCKETS } from "../scheduler/runTimeBuckets.ts"
import type * as Model from "./model.ts"
import type { Part } from "./part.ts"
import { histogramOf, percentile } from "./percentile.ts"
import { round } from "./rounding.ts"

/** Reasons of failures that have a count of their own: more than there are, since the names are those of peers. */
const REASONS = 64

/** @param id the id of the type in the whole */
export const typeOf = (parts: Iterable<Part>, name: string, id: number): Model.TypeSummary => {
  const buckets = new Float64Array(RUN_TIME_BUCKETS)
  const reasons = new Map<string, number>()
  const sum = { succeeded: 0, failed: 0, retried: 0, restarted: 0, cancelled: 0, busy: 0 }
  let tasks = 0
  let chunks = 0
  for (const part of parts) {
    for (const [at, type] of part.typeSummaries.entries()) {
      if (type === undefined || part.types[at] !== id) continue
      for (const key of ["succeeded", "failed", "retried", "restarted", "cancelled", "busy"] as const) {
        sum[key] += type[key]
      }
      for (const [name, count] of Object.entries(type.reasons)) {
        const reason = reasons.size < REASONS || reasons.has(name) ? name : "others"
        reasons.set(reason, (reasons.get(reason) ?? 0) + count)
      }
      type.runs.counts.forEach((count, i) => buckets[Math.min(type.runs.from + i, RUN_TIME_BUCKETS - 1)] += count)
      if (type.chunk !== null && type.chunk > 0) {
        const ended = type.succeeded + type.failed + type.retried
        tasks += ended
        chunks += ended / type.chunk
      }
    }
  }
  const reported = buckets.reduce((all, count) => all + count, 0)
  return {
    id,
    name,
    ...sum,
    busy: round(sum.busy),
    reasons: Object.fromEntries(reasons),
    runs: histogramOf(buckets),
    mean: reported > 0 ? sum.busy / reported : null,
    p50: percentile(buckets, reported, 0.5),
    p95: percentile(buckets, reported, 0.95),
    p99: percentile(buckets, reported, 0.99),
    chunk: chunks > 0 ? round(tasks / chunks) : null
  }
}
