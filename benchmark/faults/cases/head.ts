/** A task of 10 seconds in a chunk of 512: how long the others wait for it. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { figure, heading, millis, verdict } from "../../harness/console.ts"
import { Step, Tasks, Work } from "../workload/tasks.ts"

const CHUNK = 512
const LONG = 10_000
const SHORT = 0.1

/** Runs a chunk with one long task in it, or none; when each result came, by index. */
const run = Effect.fnUntraced(function*(size: number, longAt: number | undefined) {
  const wrong: Array<string> = []
  const record = Record.make(CHUNK)
  const arrivals = new Float64Array(CHUNK)
  yield* Effect.gen(function*() {
    // All threads are there, and know the tasks.
    while ((yield* Dispatcher.status).workers.length < size) yield* Effect.sleep(5)
    yield* Stream.runDrain(Dispatcher.results(Array.from({ length: 2000 }, () => new Step({ id: 0 }))))
    const before = record.starts(0)
    const since = performance.now()
    yield* Stream.range(0, CHUNK - 1).pipe(
      Stream.map((id) => new Work({ id, millis: id === longAt ? LONG : SHORT })),
      Dispatcher.results({ chunkSize: CHUNK }),
      Stream.runForEach(({ result, task }) =>
        Effect.sync(() => {
          if (arrivals[task.id] !== 0) wrong.push(`${task} has two outcomes`)
          arrivals[task.id] = performance.now() - since
          if (!(Result.isSuccess(result) && result.success === task.id)) wrong.push(`${task} failed`)
        })
      )
    )
    for (let id = 0; id < CHUNK; id++) {
      const starts = record.starts(id) - (id === 0 ? before : 0)
      if (starts !== 1) wrong.push(`task ${id} was started ${starts} times`)
    }
  }).pipe(Effect.provide(
    WorkerPoolDispatcher.layer(Tasks, { handlers: new URL("../workload/handlers.ts", import.meta.url), size })
  ))
  return { wrong, arrivals }
})

const last = (arrivals: Float64Array, from: number, to: number) => Math.max(...arrivals.subarray(from, to))

export const head = Effect.gen(function*() {
  yield* heading(`head: a task of ${LONG / 1000} s in a chunk of ${CHUNK}, the others of ${SHORT} ms each`)
  const alone = yield* run(1, undefined)
  const need = last(alone.arrivals, 0, CHUNK)
  const atHead = yield* run(2, 0)
  const middle = CHUNK / 2
  const inMiddle = yield* run(2, middle)
  yield* figure("the others need, on one thread", millis(need))
  yield* figure("the last of them came, the long one first", millis(last(atHead.arrivals, 1, CHUNK)), millis(need + 50))
  yield* figure("the long one in the middle: those behind it", millis(last(inMiddle.arrivals, middle + 1, CHUNK)))
  yield* figure("the long one in the middle: those before it", millis(last(inMiddle.arrivals, 0, middle)))
  const late = inMiddle.arrivals.filter((arrival, id) => id !== middle && arrival > LONG).length
  yield* figure("of these had to wait for it, being done", String(late))
  return yield* verdict([...alone.wrong, ...atHead.wrong, ...inMiddle.wrong])
})
