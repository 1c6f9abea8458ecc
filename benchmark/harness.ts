/**
 * Runs competitors against each other in one process: in every round each of them
 * once, in another order, so that whatever disturbs the machine disturbs all, and
 * only rates of one round are divided by each other.
 *
 * A competitor that loses, doubles or changes a result fails the benchmark. No
 * figure ever does.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os"

/** Fewer rounds give no figures that may be quoted. */
export const ROUNDS = 15

/** Rounds that are not counted: the first runs of a function are interpreted. */
const WARM_UP = 5

/** What arrived at a consumer; equal for equal sets of results, in whatever order. */
export class Tally {
  succeeded = 0
  failed = 0
  private sum = 0
  private squares = 0

  success(n: number): this {
    this.succeeded++
    return this.add(n)
  }

  failure(n: number): this {
    this.failed++
    return this.add(-n)
  }

  private add(n: number): this {
    this.sum += n
    this.squares += n * n
    return this
  }

  toString(): string {
    return `${this.succeeded} results and ${this.failed} failures (sum ${this.sum}, of squares ${this.squares})`
  }
}

/** One way to do the work of a case. */
export interface Competitor {
  readonly name: string
  /** Does all tasks of the case once. */
  readonly run: Effect.Effect<Tally>
  /** What its ratio to a baseline, or its time, should be; printed, by the name of the baseline. */
  readonly target?: Readonly<Record<string, string>> | undefined
}

export interface Case {
  readonly name: string
  /** Tasks in one run. */
  readonly tasks: number
  /** What every competitor must deliver. */
  readonly expected: Tally
  /** Names of the competitors that the others are compared with. */
  readonly baselines: ReadonlyArray<string>
  readonly competitors: ReadonlyArray<Competitor>
}

export interface Suite {
  readonly name: string
  /** `"wall"`: what has passed. `"main thread"`: the time of a CPU that the main thread has used. */
  readonly clock: "wall" | "main thread"
  readonly settings: Readonly<Record<string, number | string>>
  readonly cases: ReadonlyArray<{
    readonly name: string
    readonly make: Effect.Effect<Case, never, Scope.Scope>
  }>
}

/** What is written with `--json`. */
interface Report {
  readonly suite: string
  readonly machine: Readonly<Record<string, number | string | ReadonlyArray<number>>>
  readonly settings: Readonly<Record<string, number | string>>
  readonly cases: ReadonlyArray<ReportCase>
}

interface ReportCase {
  readonly case: string
  readonly baseline: string
  readonly competitors: ReadonlyArray<{
    readonly name: string
    /** Tasks per second. */
    readonly rate: { readonly min: number; readonly median: number; readonly max: number }
    /** Its rate over that of the baseline: the median of all rounds, and its 95 % interval. */
    readonly ratio: { readonly low: number; readonly median: number; readonly high: number }
  }>
}

/** A competitor did not deliver what it was given. */
class Lost extends Schema.TaggedError<Lost>()("Lost", {
  case: Schema.String,
  competitor: Schema.String,
  expected: Schema.String,
  delivered: Schema.String
}) {
  override get message() {
    return `${this.competitor} delivered ${this.delivered} in "${this.case}", not ${this.expected}`
  }
}

/** The benchmark cannot be run as it was asked to be. */
export class Unusable extends Schema.TaggedError<Unusable>()("Unusable", { message: Schema.String }) {}

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

const rounded = (n: number): number => Math.round(n * 1000) / 1000

const compare = (it: Case, baseline: string, rates: ReadonlyMap<string, ReadonlyArray<number>>): ReportCase => {
  const base = rates.get(baseline)!
  const [low, high] = medianInterval(base.length)
  return {
    case: it.name,
    baseline,
    competitors: it.competitors.map(({ name }) => {
      const own = rates.get(name)!
      const rate = ascending(own)
      const ratio = ascending(own.map((one, round) => one / base[round]))
      return {
        name,
        rate: { min: Math.round(rate[0]), median: Math.round(median(rate)), max: Math.round(rate.at(-1)!) },
        ratio: { low: rounded(ratio[low]), median: rounded(median(ratio)), high: rounded(ratio[high]) }
      }
    })
  }
}

// ----------------------------------------------------------------------------
// Rounds
// ----------------------------------------------------------------------------

const seconds: Readonly<Record<Suite["clock"], () => number>> = {
  "wall": () => performance.now() / 1000,
  "main thread": () => {
    const { system, user } = process.threadCpuUsage()
    return (user + system) / 1e6
  }
}

const rounds = (it: Case, clock: () => number, count: number, gc: NonNullable<typeof globalThis.gc>) =>
  Effect.gen(function*() {
    const rates = new Map<string, Array<number>>(it.competitors.map(({ name }) => [name, []]))
    const expected = String(it.expected)
    gc()
    for (let round = -WARM_UP; round < count; round++) {
      // Who comes after whom changes with every round: what one leaves behind must not always meet the same one.
      const order = yield* Random.shuffle(it.competitors).pipe(Random.withSeed(`${it.name} ${round}`))
      for (const { name, run } of order) {
        // Not a full collection: that drops the hidden classes of which nothing lives at the moment, and the code
        // that was compiled for them, so that every run would measure the compiler.
        gc({ type: "minor" })
        const before = clock()
        const tally = yield* run
        const rate = it.tasks / (clock() - before)
        const delivered = String(tally)
        if (delivered !== expected) return yield* new Lost({ case: it.name, competitor: name, expected, delivered })
        if (round >= 0) rates.get(name)!.push(rate)
      }
    }
    return rates
  })

/** Runs the cases of a suite whose names contain `filter`, and prints their tables. */
export const run = (
  suite: Suite,
  options: { readonly rounds: number; readonly filter: string }
): Effect.Effect<Report, Lost | Unusable> =>
  Effect.gen(function*() {
    const gc = globalThis.gc
    if (gc === undefined) {
      return yield* new Unusable({
        message: "Garbage of one run must not be collected in the next: run node --expose-gc"
      })
    }
    const wanted = suite.cases.filter(({ name }) => name.includes(options.filter))
    if (wanted.length === 0) {
      const names = suite.cases.map(({ name }) => `"${name}"`).join(", ")
      return yield* new Unusable({ message: `No case contains "${options.filter}"; there are ${names}` })
    }
    if (options.rounds < ROUNDS) yield* Console.log(`${options.rounds} rounds: a look, not a figure to be quoted.`)
    const machine = {
      cpu: cpus()[0]?.model ?? "unknown",
      cpus: availableParallelism(),
      memoryGiB: rounded(totalmem() / 2 ** 30),
      system: `${platform()} ${arch()} ${release()}`,
      node: process.version,
      loadAtStart: loadavg().map(rounded)
    }
    const cases: Array<ReportCase> = []
    for (const { make } of wanted) {
      const added = yield* Effect.scoped(Effect.gen(function*() {
        const it = yield* make
        const rates = yield* rounds(it, seconds[suite.clock], options.rounds, gc)
        const reports = it.baselines.map((baseline) => compare(it, baseline, rates))
        for (const report of reports) yield* Console.log(table(it, report))
        return reports
      }))
      cases.push(...added)
    }
    return {
      suite: suite.name,
      machine,
      settings: {
        ...suite.settings,
        clock: suite.clock,
        rounds: options.rounds,
        warmUpRounds: WARM_UP,
        order: "shuffled per round, by a seed",
        collections: "minor, before every run",
        interval: "95 %, order statistics of the ratios per round"
      },
      cases
    }
  })

// ----------------------------------------------------------------------------
// Tables
// ----------------------------------------------------------------------------

const whole = (n: number): string => Math.round(n).toLocaleString("en-US")

const nanos = (rate: number): string => whole(1e9 / rate)

const table = (it: Case, report: ReportCase): string => {
  const rows = [
    ["", "tasks/s min", "median", "max", "ns/task", `ratio to ${report.baseline}`, "95 %", "target"],
    ...report.competitors.map(({ name, rate, ratio }) => [
      name,
      whole(rate.min),
      whole(rate.median),
      whole(rate.max),
      nanos(rate.median),
      ratio.median.toFixed(3),
      `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`,
      it.competitors.find((competitor) => competitor.name === name)?.target?.[report.baseline] ?? ""
    ])
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
      .trimEnd()
  )
  return [`\n${report.case}: ${whole(it.tasks)} tasks`, ...lines].join("\n")
}
