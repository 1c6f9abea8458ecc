/** Threads that cannot be replaced, and threads that exit by themselves: the number of restarts, and their cost. */
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
import { figure, heading, millis, printMistakes } from "../../harness/console.ts"
import { timed } from "../../harness/timing.ts"
import { Inc, Poison, Tasks } from "../workload/tasks.ts"

/** Milliseconds of observation. */
const OBSERVED = 15_000
const SIZE = 2
const WAITING = 200

/** More starts in `OBSERVED` mean that nothing bounds them; a larger share of a CPU means a busy loop. */
const MAX_STARTS = 30
const MAX_CPU = 0.25

const pool = (how: "flag" | "life", value: string) => {
  const handlers = new URL("../workload/unstable.ts", import.meta.url)
  handlers.searchParams.set(how, value)
  return WorkerPoolDispatcher.layer(Tasks, { handlers, size: SIZE, gracePeriod: 100, maxWorkerLosses: 1 }).pipe(
    Layer.provide(Logger.layer([]))
  )
}

/** Waits, then checks the threads that were started meanwhile and the CPU time of the main thread. */
const observe = (threads: { readonly started: number }) =>
  Effect.gen(function*() {
    const before = threads.started
    const cpu = process.threadCpuUsage()
    yield* Effect.sleep(OBSERVED)
    const { system, user } = process.threadCpuUsage(cpu)
    const share = (system + user) / 1000 / OBSERVED
    const starts = threads.started - before
    yield* figure(`threads started in ${OBSERVED / 1000} s`, String(starts), `at most ${MAX_STARTS}`)
    yield* figure("CPU of the main thread in that time", `${(share * 100).toFixed(2)} %`)
    return [
      ...(starts > MAX_STARTS ? [`${starts} threads were started in ${OBSERVED} ms`] : []),
      ...(share > MAX_CPU ? [`the main thread used ${share} of a CPU`] : [])
    ]
  })

const endOf = (task: Inc): Effect.Effect<string, never, Dispatcher.Dispatcher> =>
  Effect.map(
    Effect.result(Dispatcher.run(task)),
    Result.match({
      onSuccess: () => "success",
      onFailure: (error) => error._tag === "TaskFailure" ? error.reason._tag : error._tag
    })
  )

/** Repeats a task until it succeeds. Until then it must fail with `NoWorker`. */
const awaitRecovery = (mistakes: Array<string>): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.flatMap(endOf(new Inc({ id: 0 })), (end) => {
    if (end === "success") return Effect.void
    if (end !== "NoWorker") mistakes.push(`a task ended with ${end} while no thread could start`)
    return Effect.andThen(Effect.sleep(5), awaitRecovery(mistakes))
  })

const unloadable = Effect.gen(function*() {
  yield* heading(`replacement: ${SIZE} threads are lost, and their handlers module can no longer be loaded`)
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-faults-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const flag = join(folder, "flag")
  Record.make(WAITING)
  const threads = yield* countThreads
  const mistakes: Array<string> = []
  yield* Effect.gen(function*() {
    while ((yield* Dispatcher.status).workers.length < SIZE) yield* Effect.sleep(5)
    writeFileSync(flag, "")
    const tasks = [
      ...Array.from({ length: SIZE }, () => new Poison({ how: "exit" })),
      ...Array.from({ length: WAITING }, (_, id) => new Inc({ id }))
    ]
    const [results, spent] = yield* timed(Stream.runCollect(Dispatcher.results(tasks, { chunkSize: 1 })))
    if (results.length !== tasks.length) mistakes.push(`${results.length} outcomes of ${tasks.length}`)
    let failed = 0
    for (const { result, task } of results) {
      const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
      // Some tasks may have run before the threads were lost.
      const allowed = task._tag === "Inc" ? ["NoWorker", "success"] : ["WorkerLost"]
      if (!allowed.includes(end)) mistakes.push(`${task} ended with ${end}`)
      if (end === "NoWorker") failed++
    }
    if (failed === 0) mistakes.push("no task failed with NoWorker")
    yield* figure(`${failed} waiting tasks failed with NoWorker after`, millis(spent))
    mistakes.push(...yield* observe(threads))
    const [end, failedIn] = yield* timed(endOf(new Inc({ id: 0 })))
    if (end !== "NoWorker") mistakes.push(`a new task ended with ${end}`)
    yield* figure("failure of a new task after", millis(failedIn))
    rmSync(flag)
    const [, spentUntil] = yield* timed(awaitRecovery(mistakes))
    yield* figure(
      "first success once the module can be loaded, after",
      millis(spentUntil),
      "at most 10 s plus a thread start"
    )
  }).pipe(Effect.provide(pool("flag", flag)))
  const left = yield* threads.left
  if (left !== 0) mistakes.push(`${left} threads after the scope has ended`)
  return mistakes
}).pipe(Effect.scoped)

const exiting = Effect.gen(function*() {
  yield* heading(`replacement: ${SIZE} idle threads that exit after 100 ms`)
  Record.make(1)
  const threads = yield* countThreads
  const mistakes: Array<string> = []
  yield* Effect.gen(function*() {
    mistakes.push(...yield* observe(threads))
    const [end, spent] = yield* timed(endOf(new Inc({ id: 0 })))
    if (end !== "success") mistakes.push(`a task ended with ${end}`)
    yield* figure("success of a task after", millis(spent), "at most 10 s plus a thread start")
  }).pipe(Effect.provide(pool("life", "100")))
  const left = yield* threads.left
  if (left !== 0) mistakes.push(`${left} threads after the scope has ended`)
  return mistakes
}).pipe(Effect.scoped)

export const replacement = Effect.gen(function*() {
  return yield* printMistakes([...yield* unloadable, ...yield* exiting])
})
