/** Threads that cannot be replaced, and threads that end by themselves: how often it is tried, and at what cost. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { countThreads } from "../../../test/support/pool/pool.ts"
import { figure, heading, millis, timed, verdict } from "../../harness/console.ts"
import { Poison, Step, Tasks } from "../workload/tasks.ts"

const WATCHED = 15_000
const SIZE = 2
const WAITING = 200

/** Starts in the time watched beyond which nothing bounds them, and the share of a CPU that is spinning. */
const MOST_STARTS = 30
const MOST_CPU = 0.25

const pool = (how: "flag" | "life", value: string) => {
  const handlers = new URL("../workload/unstable.ts", import.meta.url)
  handlers.searchParams.set(how, value)
  return WorkerPoolDispatcher.layer(Tasks, { handlers, size: SIZE, gracePeriod: 100, maxWorkerLosses: 1 }).pipe(
    Layer.provide(Logger.layer([]))
  )
}

/** Lets time pass: threads started meanwhile, and what the main thread did of it. */
const watch = (threads: { readonly started: number }) =>
  Effect.gen(function*() {
    const before = threads.started
    const cpu = process.threadCpuUsage()
    yield* Effect.sleep(WATCHED)
    const { system, user } = process.threadCpuUsage(cpu)
    const share = (system + user) / 1000 / WATCHED
    const starts = threads.started - before
    yield* figure(`threads started in ${WATCHED / 1000} s`, String(starts), `at most ${MOST_STARTS}`)
    yield* figure("CPU of the main thread meanwhile", `${(share * 100).toFixed(2)} %`)
    return [
      ...(starts > MOST_STARTS ? [`${starts} threads were started in ${WATCHED} ms`] : []),
      ...(share > MOST_CPU ? [`the main thread used ${share} of a CPU`] : [])
    ]
  })

const endOf = (task: Step): Effect.Effect<string, never, Dispatcher.Dispatcher> =>
  Effect.map(
    Effect.result(Dispatcher.run(task)),
    Result.match({
      onSuccess: () => "success",
      onFailure: (error) => error._tag === "TaskFailure" ? error.reason._tag : error._tag
    })
  )

/** Runs a task again and again until it succeeds; meanwhile it must fail with `NoWorker`. */
const recovered = (wrong: Array<string>): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.flatMap(endOf(new Step({ id: 0 })), (end) => {
    if (end === "success") return Effect.void
    if (end !== "NoWorker") wrong.push(`a task ended with ${end} where none could start`)
    return Effect.andThen(Effect.sleep(5), recovered(wrong))
  })

const broken = Effect.gen(function*() {
  yield* heading(`replacement: ${SIZE} threads are lost, and their handlers module cannot be loaded any more`)
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-faults-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const flag = join(folder, "flag")
  Record.make(WAITING)
  const threads = yield* countThreads
  const wrong: Array<string> = []
  yield* Effect.gen(function*() {
    while ((yield* Dispatcher.status).workers.length < SIZE) yield* Effect.sleep(5)
    writeFileSync(flag, "")
    const tasks = [
      ...Array.from({ length: SIZE }, () => new Poison({ how: "exit" })),
      ...Array.from({ length: WAITING }, (_, id) => new Step({ id }))
    ]
    const [results, spent] = yield* timed(Stream.runCollect(Dispatcher.results(tasks, { chunkSize: 1 })))
    if (results.length !== tasks.length) wrong.push(`${results.length} outcomes of ${tasks.length}`)
    let refused = 0
    for (const { result, task } of results) {
      const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
      // Some may have run before the threads were lost.
      const wanted = task._tag === "Step" ? ["NoWorker", "success"] : ["WorkerLost"]
      if (!wanted.includes(end)) wrong.push(`${task} ended with ${end}`)
      if (end === "NoWorker") refused++
    }
    if (refused === 0) wrong.push("no task failed with NoWorker")
    yield* figure(`${refused} tasks that waited failed with NoWorker after`, millis(spent))
    wrong.push(...yield* watch(threads))
    const [end, failedIn] = yield* timed(endOf(new Step({ id: 0 })))
    if (end !== "NoWorker") wrong.push(`a new task ended with ${end}`)
    yield* figure("a new task fails after", millis(failedIn))
    rmSync(flag)
    const [, spentUntil] = yield* timed(recovered(wrong))
    yield* figure(
      "once the module can be loaded again, tasks run after",
      millis(spentUntil),
      "10 s at most, and a start"
    )
  }).pipe(Effect.provide(pool("flag", flag)))
  const left = yield* threads.left
  if (left !== 0) wrong.push(`${left} threads after the scope has ended`)
  return wrong
}).pipe(Effect.scoped)

const mortal = Effect.gen(function*() {
  yield* heading(`replacement: ${SIZE} threads that end by themselves after 100 ms, with nothing to do`)
  Record.make(1)
  const threads = yield* countThreads
  const wrong: Array<string> = []
  yield* Effect.gen(function*() {
    wrong.push(...yield* watch(threads))
    const [end, spent] = yield* timed(endOf(new Step({ id: 0 })))
    if (end !== "success") wrong.push(`a task ended with ${end}`)
    yield* figure("a task is done after", millis(spent), "10 s at most, and a start")
  }).pipe(Effect.provide(pool("life", "100")))
  const left = yield* threads.left
  if (left !== 0) wrong.push(`${left} threads after the scope has ended`)
  return wrong
}).pipe(Effect.scoped)

export const replacement = Effect.gen(function*() {
  return yield* verdict([...yield* broken, ...yield* mortal])
})
