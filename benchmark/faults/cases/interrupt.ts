/** The interruption of a stream whose tasks never yield: its duration, and the threads that are left over. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { countThreads, until } from "../../../test/support/pool/pool.ts"
import { figure, heading, median, millis, printMistakes } from "../../harness/console.ts"
import { timed } from "../../harness/timing.ts"
import { Loop, StartTime, Tasks } from "../workload/tasks.ts"

const ROUNDS = 5

/** The number of resources of worker threads that keep the process alive. */
const resources = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "MessagePort" || name === "Worker").length

const round = (gracePeriod: number) =>
  Effect.gen(function*() {
    const mistakes: Array<string> = []
    const record = Record.make(100)
    const threads = yield* countThreads
    const resourcesBefore = resources()
    const scope = yield* Scope.make()
    const pool = WorkerPoolDispatcher.layer(Tasks, {
      handlers: new URL("../workload/handlers.ts", import.meta.url),
      size: 2,
      gracePeriod
    })
    const context = yield* Layer.buildWithScope(pool, scope)
    const loops = Array.from({ length: 100 }, (_, id) => new Loop({ id }))
    const fiber = yield* Effect.forkChild(
      Stream.runDrain(Dispatcher.results(loops, { chunkSize: 1 })).pipe(Effect.provideContext(context))
    )
    const starts = () => loops.filter(({ id }) => record.starts(id) > 0).length
    yield* until(() => starts() === 2)
    const [, ended] = yield* timed(Fiber.interrupt(fiber))
    const since = performance.timeOrigin + performance.now()
    const [startTime, answered] = yield* timed(Dispatcher.run(new StartTime({})).pipe(Effect.provideContext(context)))
    if (starts() !== 2) mistakes.push(`${starts()} tasks were started`)
    while (threads.started < 4) yield* Effect.sleep(5)
    const left = yield* threads.left
    if (left !== 2) mistakes.push(`${left} threads after the interruption`)
    const [, closed] = yield* timed(Scope.close(scope, Exit.void))
    const leftAtTheEnd = yield* threads.left
    if (leftAtTheEnd !== 0) mistakes.push(`${leftAtTheEnd} threads after the scope has ended`)
    if (threads.started !== 4) mistakes.push(`${threads.started} threads were started`)
    const resourcesLeft = resources() - resourcesBefore
    if (resourcesLeft > 0) mistakes.push(`${resourcesLeft} resources of threads after the scope has ended`)
    return { mistakes, ended, started: startTime - since, answered, closed, left, leftAtTheEnd }
  }).pipe(Effect.scoped)

export const interrupt = Effect.gen(function*() {
  const mistakes: Array<string> = []
  for (const gracePeriod of [1000, 100]) {
    yield* heading(
      `interrupt: a stream with 2 endless loops, gracePeriod ${gracePeriod} ms (median / maximum of ${ROUNDS} rounds)`
    )
    const rounds = yield* Effect.replicateEffect(round(gracePeriod), ROUNDS)
    mistakes.push(...rounds.flatMap((round) => round.mistakes))
    const both = (of: (round: (typeof rounds)[number]) => number) =>
      `${millis(median(rounds.map(of)))} / ${millis(Math.max(...rounds.map(of)))}`
    yield* figure("end of the stream after", both(({ ended }) => ended), millis(gracePeriod + 100))
    yield* figure("start of the next task after", both(({ started }) => started), millis(300))
    yield* figure("result of the next task after", both(({ answered }) => answered))
    yield* figure("scope closed within", both(({ closed }) => closed), "< 200 ms")
    const max = (of: (round: (typeof rounds)[number]) => number) => Math.max(...rounds.map(of))
    yield* figure(
      "threads after the interruption / at the end",
      `${max(({ left }) => left)} / ${max(({ leftAtTheEnd }) => leftAtTheEnd)}`,
      "2 / 0"
    )
  }
  return yield* printMistakes(mistakes)
})
