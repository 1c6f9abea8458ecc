/**
 * Tasks that fail in every way among 100,000 healthy tasks: their failures, and the delay of the healthy tasks. The
 * threads are a bundle, since the run lasts as long as the successors of lost threads take to start.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { TaskFailure } from "papyros/TaskFailure"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { bundleThread } from "../../harness/bundle.ts"
import { figure, heading, median, millis, printMistakes } from "../../harness/console.ts"
import { timed } from "../../harness/timing.ts"
import { BusyWait, Inc, LoopWithTimeout, Poison, Tasks } from "../workload/tasks.ts"

const TASKS = 100_000
const ROUNDS = 3
/** The timeout of `LoopWithTimeout`. */
const TIMEOUT = 100
const GRACE = 100

/** With three worker losses per task, three times as many threads are lost. */
const rows = [{ maxWorkerLosses: 1, micros: 0 }, { maxWorkerLosses: 3, micros: 0 }, {
  maxWorkerLosses: 1,
  micros: 20
}] as const

type How = Poison["how"] | "loop"
type Faulty = Poison | LoopWithTimeout
type Healthy = Inc | BusyWait

/** The failure that each must end with. */
const expected: { readonly [K in How]: string } = {
  exit: "WorkerLost, exit code 7",
  loop: "TimedOut",
  memory: "WorkerLost, out of memory",
  throw: "Defect: RangeError: on purpose",
  unclonable: "Undecodable success",
  "throw later": "Defect: RangeError: on purpose",
  "reject later": "Defect: RangeError: on purpose"
}

const hows = Object.keys(expected) as ReadonlyArray<How>

const make = (how: How): Faulty => how === "loop" ? new LoopWithTimeout({}) : new Poison({ how })

const isHealthy = (task: Healthy | Faulty): task is Healthy => task._tag === "Inc" || task._tag === "BusyWait"

const describe = ({ reason }: TaskFailure<Healthy | Faulty>): string => {
  switch (reason._tag) {
    case "WorkerLost":
      return `WorkerLost, ${reason.outOfMemory ? "out of memory" : `exit code ${reason.exitCode}`}`
    case "Defect":
      return `Defect: ${reason.defect}`
    case "Undecodable":
      return `Undecodable ${reason.part}`
    default:
      return reason._tag
  }
}

/** Runs all healthy tasks, of `micros` each, with the faulty ones at even distances among them. */
const run = Effect.fnUntraced(function*(micros: number, faulty: ReadonlyArray<How>) {
  const every = Math.floor(TASKS / (faulty.length + 1))
  const tasks = function*() {
    for (let id = 0; id < TASKS; id++) {
      yield micros === 0 ? new Inc({ id }) : new BusyWait({ id, millis: micros / 1000 })
      const at = (id + 1) / every - 1
      if (at < faulty.length && Number.isInteger(at)) yield make(faulty[at])
    }
  }
  const mistakes: Array<string> = []
  const outcomes = new Uint8Array(TASKS)
  const failed: Array<string> = []
  const check = ({ result, task }: Dispatcher.TaskResult<Healthy | Faulty>) => {
    if (!isHealthy(task)) {
      const how = task._tag === "LoopWithTimeout" ? "loop" : task.how
      const end = Result.isSuccess(result) ? "success" : describe(result.failure)
      failed.push(how)
      if (end !== expected[how]) mistakes.push(`${task} ended with ${end}`)
      return
    }
    outcomes[task.id]++
    if (Result.isFailure(result)) mistakes.push(`${task} is healthy and ended with ${describe(result.failure)}`)
    else if (result.success !== task.id + (micros === 0 ? 1 : 0)) mistakes.push(`${task} returned ${result.success}`)
  }
  const [, spent] = yield* timed(
    Dispatcher.results(tasks()).pipe(
      Stream.runForEachArray((results) => Effect.sync(() => results.forEach(check)))
    )
  )
  const miscounted = outcomes.filter((count) => count !== 1).length
  if (miscounted > 0) mistakes.push(`${miscounted} healthy tasks have no outcome, or more than one`)
  if (failed.toSorted().join() !== faulty.toSorted().join()) {
    mistakes.push(`the faulty tasks with an outcome are ${failed.join(", ")}`)
  }
  return { mistakes, spent }
})

const round = (thread: URL, { maxWorkerLosses, micros }: (typeof rows)[number]) =>
  Effect.gen(function*() {
    const record = Record.make(TASKS)
    const pool = WorkerPoolDispatcher.layer(Tasks, {
      thread,
      size: 2,
      gracePeriod: GRACE,
      maxWorkerLosses,
      resourceLimits: { maxOldGenerationSizeMb: 48 }
    }).pipe(Layer.provide(Logger.layer([])))
    return yield* Effect.gen(function*() {
      yield* run(micros, [])
      const clean = yield* run(micros, [])
      const before = Array.from({ length: TASKS }, (_, id) => record.starts(id))
      const poisoned = yield* run(micros, hows)
      const again = before.filter((starts, id) => record.starts(id) - starts > 1).length
      return {
        clean: clean.spent,
        poisoned: poisoned.spent,
        again,
        mistakes: [...clean.mistakes, ...poisoned.mistakes]
      }
    }).pipe(Effect.provide(pool))
  })

export const poison = Effect.gen(function*() {
  const thread = yield* bundleThread("faults", new URL("../workload/thread.ts", import.meta.url))
  const mistakes: Array<string> = []
  for (const row of rows) {
    const { maxWorkerLosses, micros } = row
    yield* heading(
      `poison: ${hows.join(", ")}\n` +
        `among ${TASKS} healthy tasks ${
          micros === 0 ? "without work" : `of ${micros} µs`
        } on 2 threads, maxWorkerLosses ${maxWorkerLosses}`
    )
    const rounds = yield* Effect.replicateEffect(round(thread, row), ROUNDS)
    const clean = median(rounds.map((round) => round.clean))
    const poisoned = median(rounds.map((round) => round.poisoned))
    const timeouts = TIMEOUT + GRACE
    const ratio = median(rounds.map((round) => (round.poisoned - timeouts) / round.clean))
    yield* figure(`clean run (median of ${ROUNDS} rounds)`, millis(clean))
    yield* figure("run with faulty tasks", millis(poisoned), millis(4 * clean + timeouts))
    yield* figure("(run with faulty tasks - timeouts) / clean run", ratio.toFixed(2), "4")
    yield* figure("healthy tasks that ran more than once", String(Math.max(...rounds.map(({ again }) => again))))
    mistakes.push(...rounds.flatMap((round) => round.mistakes))
  }
  return yield* printMistakes(mistakes)
})
