/** Tasks that go wrong in every way among 100,000 that do not: who fails, why, and what it costs the others. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { TaskFailure } from "papyros/TaskFailure"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { figure, heading, median, millis, timed, verdict } from "../../harness/console.ts"
import { Endless, Poison, Step, Tasks, Work } from "../workload/tasks.ts"

const TASKS = 100_000
const ROUNDS = 3
/** That of `Endless`. */
const TIMEOUT = 100
const GRACE = 100

/** Thrice as many threads are lost where a task is tried three times. */
const rows = [{ maxWorkerLosses: 1, micros: 0 }, { maxWorkerLosses: 3, micros: 0 }, {
  maxWorkerLosses: 1,
  micros: 20
}] as const

type How = Poison["how"] | "loop"
type Guilty = Poison | Endless
type Innocent = Step | Work

/** What must be said of each. */
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

const make = (how: How): Guilty => how === "loop" ? new Endless({}) : new Poison({ how })

const isInnocent = (task: Innocent | Guilty): task is Innocent => task._tag === "Step" || task._tag === "Work"

const say = ({ reason }: TaskFailure<Innocent | Guilty>): string => {
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

/** Runs all innocents, of so many microseconds each, with the guilty at even distances among them; what was wrong. */
const run = Effect.fnUntraced(function*(micros: number, guilty: ReadonlyArray<How>) {
  const every = Math.floor(TASKS / (guilty.length + 1))
  const tasks = function*() {
    for (let id = 0; id < TASKS; id++) {
      yield micros === 0 ? new Step({ id }) : new Work({ id, millis: micros / 1000 })
      const at = (id + 1) / every - 1
      if (at < guilty.length && Number.isInteger(at)) yield make(guilty[at])
    }
  }
  const wrong: Array<string> = []
  const outcomes = new Uint8Array(TASKS)
  const blamed: Array<string> = []
  const judge = ({ result, task }: Dispatcher.TaskResult<Innocent | Guilty>) => {
    if (!isInnocent(task)) {
      const how = task._tag === "Endless" ? "loop" : task.how
      const said = Result.isSuccess(result) ? "success" : say(result.failure)
      blamed.push(how)
      if (said !== expected[how]) wrong.push(`${task} ended with ${said}`)
      return
    }
    outcomes[task.id]++
    if (Result.isFailure(result)) wrong.push(`${task} is innocent and ended with ${say(result.failure)}`)
    else if (result.success !== task.id + (micros === 0 ? 1 : 0)) wrong.push(`${task} gave ${result.success}`)
  }
  const [, spent] = yield* timed(
    Dispatcher.results(tasks()).pipe(
      Stream.runForEachArray((results) => Effect.sync(() => results.forEach(judge)))
    )
  )
  const others = outcomes.filter((count) => count !== 1).length
  if (others > 0) wrong.push(`${others} innocents have no outcome, or more than one`)
  if (blamed.toSorted().join() !== guilty.toSorted().join()) wrong.push(`ended: ${blamed.join(", ")}`)
  return { wrong, spent }
})

const round = ({ maxWorkerLosses, micros }: (typeof rows)[number]) =>
  Effect.gen(function*() {
    const record = Record.make(TASKS)
    const pool = WorkerPoolDispatcher.layer(Tasks, {
      handlers: new URL("../workload/handlers.ts", import.meta.url),
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
      return { clean: clean.spent, poisoned: poisoned.spent, again, wrong: [...clean.wrong, ...poisoned.wrong] }
    }).pipe(Effect.provide(pool))
  })

export const poison = Effect.gen(function*() {
  const wrong: Array<string> = []
  for (const row of rows) {
    const { maxWorkerLosses, micros } = row
    yield* heading(
      `poison: ${hows.join(", ")}\n` +
        `among ${TASKS} tasks of ${
          micros === 0 ? "next to nothing" : `${micros} µs`
        } on 2 threads, maxWorkerLosses ${maxWorkerLosses}`
    )
    const rounds = yield* Effect.replicateEffect(round(row), ROUNDS)
    const clean = median(rounds.map((round) => round.clean))
    const poisoned = median(rounds.map((round) => round.poisoned))
    const timeouts = TIMEOUT + GRACE
    const ratio = median(rounds.map((round) => (round.poisoned - timeouts) / round.clean))
    yield* figure(`clean run (median of ${ROUNDS})`, millis(clean))
    yield* figure("poisoned run", millis(poisoned), millis(2 * clean + timeouts))
    yield* figure("(poisoned - timeouts) / clean", ratio.toFixed(2), "2")
    yield* figure("innocents that ran more than once", String(Math.max(...rounds.map(({ again }) => again))))
    wrong.push(...rounds.flatMap((round) => round.wrong))
  }
  return yield* verdict(wrong)
})
