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
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os"
import { type Case, type Competitor, ROUNDS, type Suite } from "./model.ts"
import { compare, type Report, type ReportCase, rounded, type Runs, table } from "./report.ts"
import { Tally } from "./tally.ts"

/** Rounds that are not counted: the first runs of a function are interpreted. */
const WARM_UP = 5

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
// Rounds
// ----------------------------------------------------------------------------

const seconds: Readonly<Record<Suite["clock"], () => number>> = {
  "wall": () => performance.now() / 1000,
  "main thread": () => {
    const { system, user } = process.threadCpuUsage()
    return (user + system) / 1e6
  }
}

/** One run: what it says of itself, or the tasks per second by the clock. */
const measure = (it: Case, competitor: Competitor, clock: () => number, gc: NonNullable<typeof globalThis.gc>) =>
  Effect.gen(function*() {
    const { expected, tasks } = competitor.own ?? it
    // Not a full collection: that drops the hidden classes of which nothing lives at the moment, and the code
    // that was compiled for them, so that every run would measure the compiler.
    gc({ type: "minor" })
    const before = clock()
    const result = yield* competitor.run
    const rate = tasks / (clock() - before)
    const { figures, tally } = result instanceof Tally ? { figures: [rate], tally: result } : result
    const delivered = String(tally)
    if (delivered !== String(expected)) {
      return yield* new Lost({ case: it.name, competitor: competitor.name, expected: String(expected), delivered })
    }
    return figures
  })

const rounds = (it: Case, clock: () => number, count: number, gc: NonNullable<typeof globalThis.gc>) =>
  Effect.gen(function*() {
    const runs = new Map<string, Runs>(it.competitors.map(({ name }) => [name, { figures: [], broken: undefined }]))
    gc()
    for (let round = -(it.warmUp ?? WARM_UP); round < count; round++) {
      // Who comes after whom changes with every round: what one leaves behind must not always meet the same one.
      const order = yield* Random.shuffle(it.competitors).pipe(Random.withSeed(`${it.name} ${round}`))
      for (const competitor of order) {
        const own = runs.get(competitor.name)!
        if (own.broken !== undefined) continue
        const figures = yield* Effect.result(measure(it, competitor, clock, gc))
        if (Result.isSuccess(figures)) {
          if (round >= 0) own.figures.push(figures.success)
        } else if (figures.failure._tag === "Lost") return yield* figures.failure
        else own.broken = figures.failure.message
      }
    }
    return runs
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
        const count = Math.min(options.rounds, it.rounds ?? options.rounds)
        const runs = yield* rounds(it, seconds[suite.clock], count, gc)
        const reports = it.baselines.flatMap((baseline) => compare(it, baseline, runs))
        for (const report of reports) yield* Console.log(table(report))
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
