/**
 * The scheduler suite: the CPU time that a task costs the main thread on any dispatcher, from the source to the
 * consumer, without the work of an executor.
 *
 * The executor of the suite does nothing. It settles all chunks that it holds in one microtask, so that tasks and
 * results queue as they do with real workers. Tasks are made before the clock runs.
 */
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import type { Case, Competitor, Suite } from "../harness/model.ts"
import { Tally } from "../harness/tally.ts"

/** Tasks that the executor holds at the same time: two of the largest chunks. */
const WINDOW = 512
const MAX_CHUNK = 256
/** Enough tasks for a run of many ticks of the CPU clock, which may be 4 ms apart. */
const TASKS = 200_000
/** Tasks that the queue holds before the first is popped. */
const QUEUED = 64

class Echo extends Task.Class<Echo>()("Echo", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const group = TaskGroup.make(Echo)

/** Settles every task with its payload, and reports a duration of one microsecond per task. */
const noop = (boundary: "codec" | "none"): Executor.Executor => ({
  name: "no-op",
  boundary,
  maxChunk: MAX_CHUNK,
  open: (scheduler) =>
    Effect.sync(() => {
      let held = 0
      let chunks: Array<Executor.Chunk> = []
      const settle = () => {
        const settled = chunks
        chunks = []
        held = 0
        for (const chunk of settled) {
          // Threads and worker processes report durations too: the scheduler sizes chunks by them.
          if (boundary === "codec") scheduler.recordBusy(chunk.items, chunk.items.length)
          for (let at = 0; at < chunk.items.length; at++) {
            scheduler.succeed(chunk, at, (chunk.items[at].payload as { readonly n: number }).n)
          }
        }
        pull()
      }
      const pull = () => {
        while (held < WINDOW) {
          const chunk = scheduler.take(worker, Math.min(MAX_CHUNK, WINDOW - held))
          if (chunk === undefined) return
          held += chunk.items.length
          if (chunks.push(chunk) === 1) queueMicrotask(settle)
        }
      }
      const worker: Executor.WorkerHandle = {
        name: "no-op",
        concurrency: WINDOW,
        window: WINDOW,
        wake: pull,
        // The next microtask settles all that the executor holds.
        cancel: () => {}
      }
      scheduler.join(worker)
    })
})

const tasks = Array.from({ length: TASKS }, (_, i) => new Echo({ n: i + 1 }))

const expected = tasks.reduce((tally, { n }) => tally.success(n), new Tally())

const execute = (chunkSize: number | "auto") =>
  pipe(
    Dispatcher.execute(tasks, { chunkSize }),
    Stream.runFold(() => new Tally(), (tally, n) => tally.success(n)),
    Effect.orDie
  )

const runEach = Effect.suspend(() => {
  const tally = new Tally()
  return Effect.forEach(tasks, (task) => Effect.map(Dispatcher.run(task), (n) => tally.success(n)), { discard: true })
    .pipe(Effect.as(tally), Effect.orDie)
})

const queue = Effect.gen(function*() {
  const tally = new Tally()
  const queue = yield* Dispatcher.makeQueue<Echo>()
  for (let from = 0; from < TASKS; from += QUEUED) {
    const pushed = tasks.slice(from, from + QUEUED)
    yield* Effect.forEach(pushed, (task) => queue.push(task), { discard: true })
    yield* Effect.forEach(pushed, () => Effect.map(queue.pop(), (n) => tally.success(n)), { discard: true })
  }
  return tally
}).pipe(Effect.scoped, Effect.orDie)

const caseOf = (name: string, boundary: "codec" | "none") => ({
  name,
  make: Effect.gen(function*() {
    const dispatcher = yield* Layer.build(Executor.layer(group, noop(boundary)))
    const competitor = (
      name: string,
      run: Effect.Effect<Tally, never, Dispatcher.Dispatcher>,
      target?: string
    ): Competitor => ({
      name,
      run: Effect.provideContext(run, dispatcher),
      target: target === undefined ? undefined : { [BASELINE]: target }
    })
    return {
      name,
      tasks: TASKS,
      expected,
      baselines: [BASELINE],
      competitors: [
        competitor(BASELINE, execute(1), "at most 3,000 ns"),
        competitor("execute, chunks of 256", execute(256), "at most 300 ns"),
        competitor("execute, automatic chunk size", execute("auto")),
        competitor("run, one at a time", runEach),
        competitor(`queue, ${QUEUED} pushed, then popped`, queue)
      ]
    } satisfies Case
  })
})

const BASELINE = "execute, chunks of 1"

export const suite: Suite = {
  name: "scheduler",
  clock: "main thread",
  settings: { tasks: TASKS, window: WINDOW, maxChunk: MAX_CHUNK },
  cases: [caseOf("by reference", "none"), caseOf("through codecs", "codec")]
}
