/**
 * Turns the runs of a case into a report: medians, ranges, and ratios with their intervals.
 *
 * A ratio is computed per round, and the median is taken of these ratios, not of the values: a disturbance that
 * lasts longer than a round cancels out.
 */
import type { Baseline, Case, Competitor } from "./model.ts"

/** The counted runs of one competitor. */
export interface Runs {
  /** By round, then by metric. */
  readonly values: Array<ReadonlyArray<number>>
  /** The error that ended its runs. */
  error: string | undefined
}

/** The file that `--json` writes. */
export interface Report {
  readonly suite: string
  readonly machine: Readonly<Record<string, number | string | ReadonlyArray<number>>>
  readonly settings: Readonly<Record<string, number | string>>
  readonly causes?: ReadonlyArray<string> | undefined
  readonly cases: ReadonlyArray<ReportCase>
}

/** One metric of a case, compared with one baseline. */
export interface ReportCase {
  readonly case: string
  readonly tasks: number
  /** Name and unit; lower is better. Absent: tasks per second. */
  readonly metric?: string
  /** Whether the chart leaves the metric out. Absent: it shows the metric. */
  readonly uncharted?: true
  /** Absent: the number in the settings. */
  readonly rounds?: number
  readonly baseline: string
  /** The competitor that the baseline stands for, where it is the best of several. */
  readonly best?: string
  readonly competitors: ReadonlyArray<ReportRow>
}

export interface ReportRow {
  readonly name: string
  /** Absent: the number of the case. */
  readonly tasks?: number
  /** Tasks per second. */
  readonly rate?: Spread
  /** The metric of the case. */
  readonly value?: Spread
  /** Its rate or value divided by that of the baseline: the median over all rounds, and its 95 % interval. */
  readonly ratio?: { readonly low: number; readonly median: number; readonly high: number }
  readonly target?: string
  readonly error?: string
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

const median = (sorted: ReadonlyArray<number>): number => {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The order statistics, counted from 0, that enclose the median with a confidence of at least 95 %, for any
 * distribution: the median is below the r-th smallest of n values only if fewer than r of n fair coins show heads.
 * Fewer than 6 rounds have no such interval, so their extremes are returned.
 *
 * Source: Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
 */
const medianInterval = (n: number): readonly [low: number, high: number] => {
  let below = 0
  let probability = 0.5 ** n
  for (let k = 0; k < n; k++) {
    below += probability
    if (below > 0.025) return k === 0 ? [0, n - 1] : [k - 1, n - k]
    probability *= (n - k) / (k + 1)
  }
  return [0, n - 1]
}

const ascending = (values: ReadonlyArray<number>): ReadonlyArray<number> => values.toSorted((a, b) => a - b)

export const rounded = (n: number): number => Math.round(n * 1000) / 1000

/** One metric of every counted run; `undefined` for a competitor that failed in any round. */
const column = (runs: Runs, metric: number): ReadonlyArray<number> | undefined =>
  runs.error === undefined ? runs.values.map((values) => values[metric]) : undefined

const spread = (values: ReadonlyArray<number>, round: (n: number) => number): Spread => {
  const sorted = ascending(values)
  return { min: round(sorted[0]), median: round(median(sorted)), max: round(sorted.at(-1)!) }
}

const compareRounds = (own: ReadonlyArray<number>, base: ReadonlyArray<number>): ReportRow["ratio"] => {
  const [low, high] = medianInterval(base.length)
  const ratio = ascending(own.map((one, round) => one / base[round]))
  return { low: rounded(ratio[low]), median: rounded(median(ratio)), high: rounded(ratio[high]) }
}

/** The name of the competitor with the best median among those that did not fail. */
const best = (
  names: ReadonlyArray<string>,
  runs: ReadonlyMap<string, Runs>,
  metric: number,
  lowerIsBetter: boolean
): string | undefined => {
  const order = names.flatMap((name) => {
    const own = column(runs.get(name)!, metric)
    return own === undefined ? [] : [{ name, median: median(ascending(own)) }]
  }).sort((a, b) => lowerIsBetter ? a.median - b.median : b.median - a.median)
  return order[0]?.name
}

/** Compares every metric of a case with one baseline. */
export const compare = (
  it: Case,
  baseline: Baseline,
  runs: ReadonlyMap<string, Runs>
): ReadonlyArray<ReportCase> =>
  (it.metrics ?? [undefined]).map((metric, at) => {
    const of = typeof baseline === "string" ? baseline : best(baseline.bestOf, runs, at, metric !== undefined)
    const name = typeof baseline === "string" ? baseline : baseline.name
    const base = of === undefined ? undefined : column(runs.get(of)!, at)
    return {
      case: it.name,
      tasks: it.tasks,
      ...(metric === undefined ? {} : { metric }),
      ...(it.chartedMetrics === undefined || at < it.chartedMetrics ? {} : { uncharted: true as const }),
      ...(it.rounds === undefined ? {} : { rounds: it.rounds }),
      baseline: name,
      ...(typeof baseline === "string" || of === undefined ? {} : { best: of }),
      competitors: it.competitors.map((competitor) =>
        row(competitor, targetOf(competitor, name, at), metric !== undefined, base, at, runs.get(competitor.name)!)
      )
    }
  })

const targetOf = (competitor: Competitor, baseline: string, metric: number): string | undefined => {
  const target = competitor.target?.[baseline]
  return typeof target === "object" ? target[metric] : target
}

const row = (
  competitor: Competitor,
  target: string | undefined,
  lowerIsBetter: boolean,
  base: ReadonlyArray<number> | undefined,
  metric: number,
  runs: Runs
): ReportRow => {
  const own = column(runs, metric)
  return {
    name: competitor.name,
    ...(competitor.workload === undefined ? {} : { tasks: competitor.workload.tasks }),
    ...(own === undefined
      ? { error: runs.error! }
      : lowerIsBetter
      ? { value: spread(own, rounded) }
      : { rate: spread(own, Math.round) }),
    // A baseline without a cost of this kind has no ratio.
    ...(own === undefined || base === undefined || base.includes(0) ? {} : { ratio: compareRounds(own, base)! }),
    ...(target === undefined ? {} : { target })
  }
}
