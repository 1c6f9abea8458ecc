/**
 * The verdict of a soak: the slopes of its samples, and the reasons to fail it.
 *
 * Heaps grow without a leak while V8 compiles functions, fills inline caches and learns hidden classes. Such growth
 * ends, but it can end late, since rare scenarios meet new code late. So growth is a fault only if it is distinguishable
 * from zero, and more than `MAX_GROWTH` over the judged part of the run: a longer run finds a smaller leak.
 */
import type { Resources } from "./resources.ts"
import { type Slope, slopeOf } from "./statistics.ts"

export interface Sample extends Resources {
  /** Minutes since the start. */
  readonly minute: number
  /** Tasks since the start. */
  readonly tasks: number
  /** The heap of a worker thread that lives as long as the soak, in bytes. */
  readonly threadHeap: number | undefined
}

export interface Run {
  readonly samples: ReadonlyArray<Sample>
  /** Before dispatchers were opened, and after they were closed. */
  readonly before: Resources
  readonly after: Resources
  /** Outcomes that were wrong, lost, or not due. */
  readonly mistakes: number
}

export interface Verdict {
  readonly slopes: ReadonlyArray<{ readonly name: Series; readonly slope: Slope | undefined }>
  /** Empty: the run passes. */
  readonly faults: ReadonlyArray<string>
}

/** The part of the samples that comes before the heap is in balance. */
export const WARM_UP = 0.2

/**
 * Growth of a heap over the judged part of a run that does not count as a leak, in bytes. Steps of 5 MB up and down were
 * seen without a leak.
 */
export const MAX_GROWTH = 8e6

const series = ["heap", "threadHeap", "rss", "handles", "threads", "descriptors"] as const
type Series = typeof series[number]
const heaps = ["heap", "threadHeap"] as const
const counts = ["handles", "threads", "descriptors"] as const

export const judge = ({ after, before, mistakes, samples }: Run): Verdict => {
  const judged = samples.slice(Math.floor(samples.length * WARM_UP))
  const slopes = series.map((name) => ({
    name,
    slope: slopeOf(judged.flatMap((sample) => {
      const value = sample[name]
      return value === undefined ? [] : [[sample.minute, value] as const]
    }))
  }))
  const faults: Array<string> = []
  if (mistakes > 0) faults.push(`${mistakes} mistakes`)
  for (const name of counts) {
    const [start, end] = [before[name], after[name]]
    if (start !== undefined && end !== undefined && end > start) faults.push(`${name}: ${start} before, ${end} after`)
  }
  const minutes = judged.length === 0 ? 0 : judged[judged.length - 1].minute - judged[0].minute
  for (const name of heaps) {
    const slope = slopes.find((row) => row.name === name)?.slope
    if (slope !== undefined && slope.low > 0 && slope.slope * minutes > MAX_GROWTH) {
      faults.push(`${name} grows by ${Math.round(slope.slope).toLocaleString("en-US")} bytes a minute`)
    }
  }
  return { slopes, faults }
}
