/** The percentiles and the histogram of run times, from their counts by bucket. */
import { bucketMicros, RUN_TIME_BUCKETS } from "../scheduler/runTimeBuckets.ts"
import type { TaskCounts } from "../scheduler/statistics.ts"
import type { Histogram } from "./model.ts"

/** Millionths are enough, and shorter. */
const fine = (millis: number): number => Math.round(millis * 1e6) / 1e6

/** The time below which a share of the tasks lies, in milliseconds: the middle of its bucket. */
export const percentile = (buckets: Float64Array, count: number, share: number): number | null => {
  if (count <= 0) return null
  let below = 0
  for (let bucket = 0; bucket < RUN_TIME_BUCKETS; bucket++) {
    below += buckets[bucket]
    if (below >= share * count) return fine((bucketMicros(bucket) + bucketMicros(bucket + 1)) / 2 / 1000)
  }
  return fine(bucketMicros(RUN_TIME_BUCKETS) / 1000)
}

/** The same over the tasks of all types. */
export const percentileOf = (types: Iterable<TaskCounts>, share: number): number | null => {
  const buckets = new Float64Array(RUN_TIME_BUCKETS)
  let count = 0
  for (const { runTimes } of types) {
    count += runTimes.count
    for (let bucket = 0; bucket < RUN_TIME_BUCKETS; bucket++) buckets[bucket] += runTimes.buckets[bucket]
  }
  return percentile(buckets, count, share)
}

export const histogramOf = (buckets: Float64Array): Histogram => {
  const from = buckets.findIndex((count) => count > 0)
  if (from < 0) return { from: 0, counts: [] }
  const to = buckets.findLastIndex((count) => count > 0)
  return { from, counts: Array.from(buckets.subarray(from, to + 1)) }
}
