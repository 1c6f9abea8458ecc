/**
 * From the runs of a case to what is said of them: medians, ratios with their
 * intervals, and the tables on the console.
 *
 * Ratios are made round by round and only then ordered, so that a disturbance that
 * lasts longer than a round cancels out.
 */
import type { Baseline, Case, Competitor } from "./model.ts"

/** The counted runs of one competitor. */
export interface Runs {
  /** By round, then by figure. */
  readonly figures: Array<ReadonlyArray<number>>
  /** Why it could not go on. */
  broken: string | undefined
}

/** What is written with `--json`. */
export interface Report {
  readonly suite: string
  readonly machine: Readonly<Record<string, number | string | ReadonlyArray<number>>>
  readonly settings: Readonly<Record<string, number | string>>
  readonly cases: ReadonlyArray<ReportCase>
}

/** One figure of a case, compared with one baseline. */
export interface ReportCase {
  readonly case: string
  readonly tasks: number
  /** What was measured with its unit, less being better. Absent: tasks per second. */
  readonly figure?: string
  /** Absent: as many as the settings say. */
  readonly rounds?: number
  readonly baseline: string
  /** Which one the baseline was, where it is the best of several. */
  readonly best?: string
  readonly competitors: ReadonlyArray<ReportRow>
}

export interface ReportRow {
  readonly name: string
  /** Where not as many as in the case. */
  readonly tasks?: number
  /** Tasks per second. */
  readonly rate?: Spread
  /** The figure of the case. */
  readonly value?: Spread
  /** Its rate or figure over that of the baseline: the median of all rounds, and its 95 % interval. */
  readonly ratio?: { readonly low: number; readonly median: number; readonly high: number }
  readonly target?: string
  readonly broken?: string
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

// ----------------------------------------------------------------------------
// Figures
// ----------------------------------------------------------------------------

const median = (sorted: ReadonlyArray<number>): number => {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Which order statistics, from 0, enclose the median with a confidence of at least
 * 95 %, whatever the distribution: the median is below the r-th smallest of n only if fewer
 * than r of n fair coins show heads. Below 6 rounds there are none, so the extremes are taken.
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

const ascending = (figures: ReadonlyArray<number>): ReadonlyArray<number> => figures.toSorted((a, b) => a - b)

export const rounded = (n: number): number => Math.round(n * 1000) / 1000

/** A figure of every counted run; nothing of a competitor that broke, however far it came. */
const column = (runs: Runs, figure: number): ReadonlyArray<number> | undefined =>
  runs.broken === undefined ? runs.figures.map((figures) => figures[figure]) : undefined

const spread = (figures: ReadonlyArray<number>, round: (n: number) => number): Spread => {
  const sorted = ascending(figures)
  return { min: round(sorted[0]), median: round(median(sorted)), max: round(sorted.at(-1)!) }
}

const compareRounds = (own: ReadonlyArray<number>, base: ReadonlyArray<number>): ReportRow["ratio"] => {
  const [low, high] = medianInterval(base.length)
  const ratio = ascending(own.map((one, round) => one / base[round]))
  return { low: rounded(ratio[low]), median: rounded(median(ratio)), high: rounded(ratio[high]) }
}

/** The name of the competitor with the best median among those that did not break. */
const best = (
  names: ReadonlyArray<string>,
  runs: ReadonlyMap<string, Runs>,
  figure: number,
  lessIsBetter: boolean
): string | undefined => {
  const order = names.flatMap((name) => {
    const own = column(runs.get(name)!, figure)
    return own === undefined ? [] : [{ name, median: median(ascending(own)) }]
  }).sort((a, b) => lessIsBetter ? a.median - b.median : b.median - a.median)
  return order[0]?.name
}

/** Compares every figure of a case with one baseline. */
export const compare = (
  it: Case,
  baseline: Baseline,
  runs: ReadonlyMap<string, Runs>
): ReadonlyArray<ReportCase> =>
  (it.figures ?? [undefined]).map((figure, at) => {
    const of = typeof baseline === "string" ? baseline : best(baseline.bestOf, runs, at, figure !== undefined)
    const name = typeof baseline === "string" ? baseline : baseline.name
    const base = of === undefined ? undefined : column(runs.get(of)!, at)
    return {
      case: it.name,
      tasks: it.tasks,
      ...(figure === undefined ? {} : { figure }),
      ...(it.rounds === undefined ? {} : { rounds: it.rounds }),
      baseline: name,
      ...(typeof baseline === "string" || of === undefined ? {} : { best: of }),
      competitors: it.competitors.map((competitor) =>
        row(competitor, name, figure !== undefined, base, column(runs.get(competitor.name)!, at), runs)
      )
    }
  })

const row = (
  competitor: Competitor,
  baseline: string,
  lessIsBetter: boolean,
  base: ReadonlyArray<number> | undefined,
  own: ReadonlyArray<number> | undefined,
  runs: ReadonlyMap<string, Runs>
): ReportRow => {
  const target = competitor.target?.[baseline]
  return {
    name: competitor.name,
    ...(competitor.own === undefined ? {} : { tasks: competitor.own.tasks }),
    ...(own === undefined
      ? { broken: runs.get(competitor.name)!.broken! }
      : lessIsBetter
      ? { value: spread(own, rounded) }
      : { rate: spread(own, Math.round) }),
    ...(own === undefined || base === undefined ? {} : { ratio: compareRounds(own, base)! }),
    ...(target === undefined ? {} : { target })
  }
}

// ----------------------------------------------------------------------------
// Tables
// ----------------------------------------------------------------------------

const whole = (n: number): string => Math.round(n).toLocaleString("en-US")

/** Three digits that matter, and no more than were kept. */
export const digits = (n: number): string => n >= 100 ? whole(n) : n.toFixed(n >= 10 ? 1 : n >= 1 ? 2 : 3)

export const table = (report: ReportCase): string => {
  const rates = report.figure === undefined
  const { baseline, best } = report
  const rows = [
    [
      "",
      rates ? "tasks/s min" : "min",
      "median",
      "max",
      ...(rates ? ["ns/task"] : []),
      `ratio to ${best === undefined || best === baseline ? baseline : `${baseline} (${best})`}`,
      "95 %",
      "target"
    ],
    ...shown(report).map(({ broken, name, rate, ratio, target, value }) => [
      name,
      ...figures(rate, value),
      ...(rates ? [rate === undefined ? "" : whole(1e9 / rate.median)] : []),
      ratio?.median.toFixed(3) ?? "",
      ratio === undefined ? "" : `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`,
      broken ?? target ?? ""
    ])
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
      .trimEnd()
  )
  return [`\n${report.case}: ${rates ? `${whole(report.tasks)} tasks` : `${report.figure}, less is better`}`, ...lines]
    .join("\n")
}

/** With the best of several, only those are compared that have a target for it. */
const shown = ({ baseline, best, competitors }: ReportCase): ReadonlyArray<ReportRow> =>
  best === undefined && competitors.some(({ ratio }) => ratio !== undefined)
    ? competitors
    : competitors.filter(({ name, target }) => name === best || name === baseline || target !== undefined)

const figures = (rate: Spread | undefined, value: Spread | undefined): ReadonlyArray<string> =>
  rate !== undefined
    ? [whole(rate.min), whole(rate.median), whole(rate.max)]
    : value !== undefined
    ? [digits(value.min), digits(value.median), digits(value.max)]
    : ["", "", ""]
