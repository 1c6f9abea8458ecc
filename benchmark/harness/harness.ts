/**
 * Runs the cases of a suite and prints their tables.
 *
 * All competitors of a case run in one process, each once per round, in an order that is shuffled for every round. A
 * disturbance of the machine then affects all of them, and a ratio only ever compares two values of one round.
 *
 * A competitor whose results are lost, duplicated or wrong fails the benchmark. A slow competitor does not.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os"
import { type Case, type Competitor, ROUNDS, type Suite } from "./model.ts"
import { compare, type Report, type ReportCase, rounded, type Runs } from "./report.ts"
import { table } from "./table.ts"
import { Tally } from "./tally.ts"

/** Rounds that are not counted: V8 interprets the first runs of a function. */
const WARM_UP = 5

/** A competitor delivered other results than its workload demands. */
class WrongResults extends Schema.TaggedError<WrongResults>()("WrongResults", {
  case: Schema.String,
  competitor: Schema.String,
  expected: Schema.String,
  delivered: Schema.String
}) {
  override get message() {
    return `${this.competitor} delivered ${this.delivered} in "${this.case}", expected ${this.expected}`
  }
}

/** The benchmark cannot run with the given arguments. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { message: Schema.String }) {}

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

/** One run: the values that it measured itself, or its tasks per second by the clock. */
const measure = (it: Case, competitor: Competitor, clock: () => number, gc: NonNullable<typeof globalThis.gc>) =>
  Effect.gen(function*() {
    const { expected, tasks } = competitor.workload ?? it
    // A full collection would drop hidden classes without live instances, and the code compiled for them: every run
    // would then measure the compiler.
    gc({ type: "minor" })
    const before = clock()
    const result = yield* competitor.run
    const rate = tasks / (clock() - before)
    const { tally, values } = result instanceof Tally ? { tally: result, values: [rate] } : result
    const delivered = String(tally)
    if (delivered !== String(expected)) {
      return yield* new WrongResults({
        case: it.name,
        competitor: competitor.name,
        expected: String(expected),
        delivered
      })
    }
    return values
  })

const rounds = (it: Case, clock: () => number, count: number, gc: NonNullable<typeof globalThis.gc>) =>
  Effect.gen(function*() {
    const runs = new Map<string, Runs>(it.competitors.map(({ name }) => [name, { values: [], error: undefined }]))
    gc()
    for (let round = -(it.warmUp ?? WARM_UP); round < count; round++) {
      // The garbage and the caches that one competitor leaves behind must not always meet the same successor.
      const order = yield* Random.shuffle(it.competitors).pipe(Random.withSeed(`${it.name} ${round}`))
      for (const competitor of order) {
        const own = runs.get(competitor.name)!
        if (own.error !== undefined) continue
        const values = yield* Effect.result(measure(it, competitor, clock, gc))
        if (Result.isSuccess(values)) {
          if (round >= 0) own.values.push(values.success)
        } else if (values.failure._tag === "WrongResults") return yield* values.failure
        else own.error = values.failure.message
      }
    }
    return runs
  })

/** Runs the cases of a suite whose names contain `filter`, and prints their tables. */
export const run = (
  suite: Suite,
  options: { readonly rounds: number; readonly filter: string }
): Effect.Effect<Report, WrongResults | UsageError> =>
  Effect.gen(function*() {
    const gc = globalThis.gc
    if (gc === undefined) {
      return yield* new UsageError({
        message: "The harness collects garbage before every run: start node with --expose-gc"
      })
    }
    const selected = suite.cases.filter(({ name }) => name.includes(options.filter))
    if (selected.length === 0) {
      const names = suite.cases.map(({ name }) => `"${name}"`).join(", ")
      return yield* new UsageError({
        message: `No case contains "${options.filter}"; the cases of ${suite.name} are ${names}`
      })
    }
    if (options.rounds < ROUNDS) {
      yield* Console.log(`${options.rounds} of ${ROUNDS} rounds: do not quote these figures.`)
    }
    const machine = {
      cpu: cpus()[0]?.model ?? "unknown",
      cpus: availableParallelism(),
      memoryGiB: rounded(totalmem() / 2 ** 30),
      system: `${platform()} ${arch()} ${release()}`,
      node: process.version,
      loadAtStart: loadavg().map(rounded)
    }
    const cases: Array<ReportCase> = []
    for (const { make } of selected) {
      const added = yield* Effect.scoped(Effect.gen(function*() {
        const it = yield* make
        const count = Math.min(options.rounds, it.rounds ?? options.rounds)
        const runs = yield* rounds(it, seconds[suite.clock], count, gc)
        const reports = it.baselines.flatMap((baseline) => compare(it, baseline, runs))
          .filter(({ best, uncharted }) => best === undefined || uncharted === undefined)
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
        ...(options.filter === "" ? {} : { filter: options.filter }),
        warmUpRounds: WARM_UP,
        order: "shuffled every round, from a fixed seed",
        garbageCollection: "minor, before every run",
        interval: "95 %, order statistics of the ratios of all rounds"
      },
      ...(suite.causes === undefined ? {} : { causes: suite.causes }),
      cases
    }
  })
