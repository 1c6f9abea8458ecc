/**
 * The soak: mixed load on long-lived and short-lived dispatchers, whose every outcome is checked, and the resources of
 * the process, sampled at rest: a sample is taken when no task is left.
 *
 * The scenarios and all their choices come from the seed; the tasks that run at the same time depend on the machine.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Dispatcher from "papyros/Dispatcher"
import { Dice } from "../../src/testing/random.ts"
import { inShortLived, type Kind, longLived, type Opened, type Scenario, STEADY } from "./load/dispatchers.ts"
import * as Executions from "./load/executions.ts"
import * as Queues from "./load/queues.ts"
import * as Singles from "./load/singles.ts"
import { Ledger, type Load } from "./load/target.ts"
import { countThreads, measure } from "./resources.ts"
import { judge, type Sample, type Verdict, WARM_UP } from "./verdict.ts"
import { held } from "./workload/handlers.ts"
import { Heap } from "./workload/tasks.ts"

export interface SoakOptions {
  readonly minutes: number
  readonly kinds: ReadonlyArray<Kind>
  readonly seed: number
  /** Bytes to retain of every task, which the verdict must find. */
  readonly leak: number
}

/** The soak cannot run, or a scenario did not end. */
export class SoakError extends Schema.TaggedError<SoakError>()("SoakError", { message: Schema.String }) {}

/** The fewest samples of a run. A run of more minutes has one a minute. */
const MIN_SAMPLES = 6

/** Scenarios that run side by side on every long-lived dispatcher. */
const ACTORS = 2

/** In seconds. The longest scenarios take a few on an idle machine. */
const SCENARIO_TIMEOUT = 300

/** In seconds: for dispatchers to close after a scenario that did not end. */
const CLOSE_TIMEOUT = 60

/** In seconds: after the last scenario, for threads to end that are not needed any more. */
const REST_TIMEOUT = 30

const scenarios: ReadonlyArray<readonly [name: string, weight: number, run: Scenario]> = [
  ["complete", 4, Executions.complete],
  ["failing", 2, Executions.failing],
  ["interrupted", 2, Executions.interrupted],
  ["singles", 2, Singles.singles],
  ["interruptedSingles", 1, Singles.interruptedSingles],
  ["ended", 2, Queues.ended],
  ["popped", 1, Queues.popped],
  ["closed", 1, Queues.closed]
]

const weighted = scenarios.flatMap(([name, weight, run]) => Array.from({ length: weight }, () => ({ name, run })))

/** Runs one scenario. One that fails, or does not end in time, is a mistake; the soak cannot go on after the latter. */
const runScenario = (name: string, seed: number, ledger: Ledger, scenario: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkDetach(scenario)
    const exit = yield* Fiber.await(fiber).pipe(
      Effect.timeoutOrElse({
        duration: SCENARIO_TIMEOUT * 1000,
        orElse: () => {
          const message = `${name}, seed ${seed}, did not end within ${SCENARIO_TIMEOUT} s`
          ledger.mistake(message)
          // The dispatcher may not close either.
          setTimeout(() => process.exit(1), CLOSE_TIMEOUT * 1000).unref()
          return Effect.fail(new SoakError({ message }))
        }
      }),
      Effect.onInterrupt(() => Fiber.interrupt(fiber))
    )
    ledger.scenarios++
    if (Exit.isFailure(exit)) ledger.mistake(`${name}, seed ${seed}: ${exit.cause}`)
  })

/** The load of one scenario, except for its target. */
const loadOf = (name: string, seed: number, ledger: Ledger): Omit<Load, "target"> => ({
  dice: new Dice(seed),
  done: (tasks) => ledger.add(tasks),
  mistake: (text) => ledger.mistake(`${name}, seed ${seed}: ${text}`)
})

interface Actor {
  readonly dice: Dice
  readonly next: (seed: number) => Effect.Effect<void, SoakError>
}

/** Runs scenarios one after the other until a time. */
const act = ({ dice, next }: Actor, until: number): Effect.Effect<void, SoakError> =>
  Effect.suspend(() =>
    performance.now() >= until
      ? Effect.void
      : Effect.andThen(next(dice.below(2 ** 31)), Effect.suspend(() => act({ dice, next }, until)))
  )

/** Waits until no dispatcher has anything to do, and threads that are not needed have ended. */
const rest = (
  opened: ReadonlyArray<{ readonly target: Opened; readonly status: Effect.Effect<Dispatcher.Status> }>,
  threads: () => number,
  ledger: Ledger
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const idleThreads = opened.reduce((sum, { target }) => sum + target.idleThreads, 0)
    const unrest = Effect.gen(function*() {
      const found: Array<string> = []
      for (const { status, target } of opened) {
        const { executions, running, waiting, workers } = yield* status
        const assigned = workers.reduce((sum, worker) => sum + worker.assigned, 0)
        if (executions + running + waiting + assigned > 0) {
          found.push(`${target.name}: ${executions} producers, ${running} run, ${waiting} wait, ${assigned} assigned`)
        }
      }
      if (threads() > idleThreads) found.push(`${threads()} threads of ${idleThreads}`)
      if (held.count !== 0) found.push(`${held.count} resources of handlers are held`)
      return found
    })
    const until = performance.now() + REST_TIMEOUT * 1000
    for (;;) {
      const found = yield* unrest
      if (found.length === 0) return
      if (performance.now() > until) return found.forEach((text) => ledger.mistake(`at rest: ${text}`))
      yield* Effect.sleep(50)
    }
  })

const megabytes = (bytes: number | undefined): string => bytes === undefined ? "" : (bytes / 1e6).toFixed(2)

const columns = ["minute", "tasks", "heap, MB", "thread heap, MB", "RSS, MB", "handles", "threads", "descriptors"]

const row = (cells: ReadonlyArray<string>): string =>
  cells.map((cell, i) => cell.padStart(Math.max(8, columns[i].length))).join("  ")

const printSample = (sample: Sample) =>
  Console.log(row([
    sample.minute.toFixed(2),
    String(sample.tasks),
    megabytes(sample.heap),
    megabytes(sample.threadHeap),
    megabytes(sample.rss),
    String(sample.handles),
    String(sample.threads),
    String(sample.descriptors ?? "")
  ]))

const printVerdict = ({ faults, slopes }: Verdict) =>
  Effect.gen(function*() {
    yield* Console.log(`\nslope per minute after the first ${100 * WARM_UP} % of the samples, 95 % interval`)
    for (const { name, slope } of slopes) {
      if (slope === undefined) continue
      const [value, low, high] = [slope.slope, slope.low, slope.high].map((n) => n.toPrecision(4))
      yield* Console.log(`  ${name.padEnd(12)} ${value.padStart(12)}   ${low} to ${high}`)
    }
    for (const fault of faults) yield* Console.log(`FAULT: ${fault}`)
    yield* Console.log(faults.length === 0 ? "passed" : "failed")
  })

/** Runs the soak; returns whether it passed. */
export const soak = ({ kinds, leak, minutes, seed }: SoakOptions): Effect.Effect<boolean, SoakError> =>
  Effect.gen(function*() {
    const gc = globalThis.gc
    if (gc === undefined) return yield* new SoakError({ message: "The soak needs node --expose-gc" })
    const threads = yield* countThreads
    const console = yield* Console.Console
    const ledger = new Ledger((text) => console.log(text), leak)
    yield* Console.log(`soak of ${kinds.join(" and ")} for ${minutes} minutes, seed ${seed}`)

    // Memory that the first dispatcher of a process leaves to the next ones is no leak.
    for (const kind of kinds) yield* Effect.scoped(Layer.build(longLived[kind][0].layer))
    const before = yield* measure(gc, threads)

    const samples: Array<Sample> = []
    yield* Effect.gen(function*() {
      const opened = yield* Effect.forEach(
        kinds.flatMap((kind) => longLived[kind]),
        (target) =>
          Effect.map(Layer.build(target.layer), (context) => ({
            target,
            context,
            status: Effect.provideContext(Dispatcher.status, context)
          }))
      )
      const steady = opened.find(({ target }) => target.name === STEADY)
      const seeds = new Dice(seed)
      const actors: Array<Actor> = []
      for (const { context, target } of opened) {
        for (let i = 0; i < ACTORS; i++) {
          actors.push({
            dice: new Dice(seeds.below(2 ** 31)),
            next: (seed) => {
              const load = loadOf(target.name, seed, ledger)
              const { name, run } = load.dice.pick(weighted)
              const of = `${name} on ${target.name}`
              return runScenario(
                of,
                seed,
                ledger,
                Effect.provideContext(run({ ...load, mistake: loadOf(of, seed, ledger).mistake, target }), context)
              )
            }
          })
        }
      }
      for (const kind of kinds) {
        const run = inShortLived(kind, scenarios.map(([, , run]) => run))
        const name = `short-lived ${kind}`
        actors.push({
          dice: new Dice(seeds.below(2 ** 31)),
          next: (seed) => runScenario(name, seed, ledger, run(loadOf(name, seed, ledger)))
        })
      }

      yield* Console.log(row(columns))
      const start = performance.now()
      const count = Math.max(MIN_SAMPLES, Math.round(minutes))
      const interval = minutes * 60_000 / count
      for (let i = 1; i <= count; i++) {
        // Scenarios that are under way delay a sample, but every sample follows some load.
        const until = Math.max(start + i * interval, performance.now() + interval / 2)
        yield* Effect.forEach(actors, (actor) => act(actor, until), { concurrency: "unbounded", discard: true })
        yield* rest(opened, threads, ledger)
        const threadHeap = steady === undefined
          ? undefined
          : yield* Effect.orDie(Effect.provideContext(Dispatcher.run(new Heap({})), steady.context))
        const sample = {
          minute: (performance.now() - start) / 60_000,
          tasks: ledger.tasks,
          threadHeap,
          ...(yield* measure(gc, threads))
        }
        samples.push(sample)
        yield* printSample(sample)
      }
    }).pipe(Effect.scoped)

    const after = yield* measure(gc, threads)
    const verdict = judge({ samples, before, after, mistakes: ledger.mistakes })
    yield* Console.log(`${ledger.tasks} tasks in ${ledger.scenarios} scenarios, ${ledger.mistakes} mistakes`)
    yield* printVerdict(verdict)
    return verdict.faults.length === 0
  }).pipe(
    Effect.scoped,
    Effect.catchTag("HandlersError", (error) => new SoakError({ message: error.message })),
    // Lost threads are logged, and are a part of the load.
    Effect.provide(Logger.layer([]))
  )
