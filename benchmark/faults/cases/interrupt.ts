/** Interrupting a stream whose tasks never yield: how long it takes, and what is left of it. */
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
import { figure, heading, median, millis, timed, verdict } from "../../harness/console.ts"
import { Loop, Stamp, Tasks } from "../workload/tasks.ts"

const ROUNDS = 5

/** What keeps the process alive, other than what it always has. */
const resources = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "MessagePort" || name === "Worker").length

const round = (gracePeriod: number) =>
  Effect.gen(function*() {
    const wrong: Array<string> = []
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
    const [stamp, answered] = yield* timed(Dispatcher.run(new Stamp({})).pipe(Effect.provideContext(context)))
    if (starts() !== 2) wrong.push(`${starts()} tasks were started`)
    while (threads.started < 4) yield* Effect.sleep(5)
    const left = yield* threads.left
    if (left !== 2) wrong.push(`${left} threads after the interruption`)
    const [, closed] = yield* timed(Scope.close(scope, Exit.void))
    const leftAtTheEnd = yield* threads.left
    if (leftAtTheEnd !== 0) wrong.push(`${leftAtTheEnd} threads after the scope has ended`)
    if (threads.started !== 4) wrong.push(`${threads.started} threads were started`)
    const resourcesLeft = resources() - resourcesBefore
    if (resourcesLeft > 0) wrong.push(`${resourcesLeft} resources of threads after the scope has ended`)
    return { wrong, ended, started: stamp - since, answered, closed, left, leftAtTheEnd }
  }).pipe(Effect.scoped)

export const interrupt = Effect.gen(function*() {
  const wrong: Array<string> = []
  for (const gracePeriod of [1000, 100]) {
    yield* heading(
      `interrupt: a stream with 2 busy loops, gracePeriod ${gracePeriod} ms (median and worst of ${ROUNDS})`
    )
    const rounds = yield* Effect.replicateEffect(round(gracePeriod), ROUNDS)
    wrong.push(...rounds.flatMap((round) => round.wrong))
    const both = (of: (round: (typeof rounds)[number]) => number) =>
      `${millis(median(rounds.map(of)))} / ${millis(Math.max(...rounds.map(of)))}`
    yield* figure("the stream has ended after", both(({ ended }) => ended), millis(gracePeriod + 100))
    yield* figure("the next task started after", both(({ started }) => started), millis(300))
    yield* figure("and its result was there after", both(({ answered }) => answered))
    yield* figure("the scope was closed in", both(({ closed }) => closed), "< 200 ms")
    const most = (of: (round: (typeof rounds)[number]) => number) => Math.max(...rounds.map(of))
    yield* figure(
      "threads after the interruption / at the end",
      `${most(({ left }) => left)} / ${most(({ leftAtTheEnd }) => leftAtTheEnd)}`,
      "2 / 0"
    )
  }
  return yield* verdict(wrong)
})
