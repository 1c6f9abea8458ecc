/** Head-of-line blocking: the time that the other tasks of a chunk of 512 wait for one task of 10 seconds. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { figure, heading, millis, printMistakes } from "../../harness/console.ts"
import { BusyWait, Inc, Tasks } from "../workload/tasks.ts"

const CHUNK = 512
const LONG = 10_000
const SHORT = 0.1

/** Runs a chunk with one long task, or none. Returns the time at which each result arrived, by index. */
const run = Effect.fnUntraced(function*(size: number, longAt: number | undefined) {
  const mistakes: Array<string> = []
  const record = Record.make(CHUNK)
  const arrivals = new Float64Array(CHUNK)
  yield* Effect.gen(function*() {
    // Before the measurement every thread has started and has run tasks of this type.
    while ((yield* Dispatcher.status).workers.length < size) yield* Effect.sleep(5)
    yield* Stream.runDrain(Dispatcher.results(Array.from({ length: 2000 }, () => new Inc({ id: 0 }))))
    const before = record.starts(0)
    const since = performance.now()
    yield* Stream.range(0, CHUNK - 1).pipe(
      Stream.map((id) => new BusyWait({ id, millis: id === longAt ? LONG : SHORT })),
      Dispatcher.results({ chunkSize: CHUNK }),
      Stream.runForEach(({ result, task }) =>
        Effect.sync(() => {
          if (arrivals[task.id] !== 0) mistakes.push(`${task} has two outcomes`)
          arrivals[task.id] = performance.now() - since
          if (!(Result.isSuccess(result) && result.success === task.id)) mistakes.push(`${task} failed`)
        })
      )
    )
    for (let id = 0; id < CHUNK; id++) {
      const starts = record.starts(id) - (id === 0 ? before : 0)
      if (starts !== 1) mistakes.push(`task ${id} was started ${starts} times`)
    }
  }).pipe(Effect.provide(
    WorkerPoolDispatcher.layer(Tasks, { handlers: new URL("../workload/handlers.ts", import.meta.url), size })
  ))
  return { mistakes, arrivals }
})

const last = (arrivals: Float64Array, from: number, to: number) => Math.max(...arrivals.subarray(from, to))

export const head = Effect.gen(function*() {
  yield* heading(`head: a task of ${LONG / 1000} s in a chunk of ${CHUNK}, the other tasks take ${SHORT} ms each`)
  const alone = yield* run(1, undefined)
  const duration = last(alone.arrivals, 0, CHUNK)
  const atHead = yield* run(2, 0)
  const middle = CHUNK / 2
  const inMiddle = yield* run(2, middle)
  yield* figure("chunk without the long task, on one thread", millis(duration))
  yield* figure(
    "long task first: last result of the others",
    millis(last(atHead.arrivals, 1, CHUNK)),
    millis(duration + 50)
  )
  yield* figure("long task in the middle: last result behind it", millis(last(inMiddle.arrivals, middle + 1, CHUNK)))
  yield* figure("long task in the middle: last result before it", millis(last(inMiddle.arrivals, 0, middle)))
  const late = inMiddle.arrivals.filter((arrival, id) => id !== middle && arrival > LONG).length
  yield* figure("completed tasks whose results waited for it", String(late))
  return yield* printMistakes([...alone.mistakes, ...atHead.mistakes, ...inMiddle.mistakes])
})
