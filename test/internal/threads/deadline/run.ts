/**
 * Runs tasks that take about as long as their timeout beside innocent ones, and reports each wrong outcome with its
 * task.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { countThreads } from "../../../support/pool/pool.ts"
import { Record } from "./record.ts"
import { Busy, Nap, Once, Plain, Polling, Tasks } from "./tasks.ts"

type Deadline = Busy | Polling
type Any = Deadline | Plain | Nap | Once

/** How the tasks of one class ended. */
export interface Ends {
  succeeded: number
  timedOut: number
  /** Those of them that were interrupted before their time was over, by more than a tick of the clock. */
  early: number
}

export interface Report {
  readonly wrong: ReadonlyArray<string>
  readonly busy: Ends
  readonly polling: Ends
  /** Starts of tasks that had ended before, unsent. */
  readonly again: number
  readonly threads: number
}

/** The classes that have a timeout, and which, in milliseconds. */
const deadlines = { Busy: { Class: Busy, millis: 1 }, Polling: { Class: Polling, millis: 2 } }

/** Less cannot be told from the time that passes before a handler reads its clock. */
const TICK = 0.2

type Options = WorkerPoolDispatcher.ThreadPoolSettings

/** A pool of these tasks; a record has been made by then. */
export const layer = (options: Options) =>
  WorkerPoolDispatcher.layer(Tasks, { ...options, handlers: new URL("./handlers.ts", import.meta.url) })

const innocents = { Plain, Nap, Once }

const isInnocent = (task: Any): task is Plain | Nap | Once => task._tag !== "Busy" && task._tag !== "Polling"

export const run = (options: {
  /** Tasks at their deadline; each has an innocent before it and one behind. */
  readonly tasks: number
  readonly classes: ReadonlyArray<keyof typeof deadlines>
  readonly innocents: ReadonlyArray<keyof typeof innocents>
  /** How much longer than its timeout the work of the nth takes, in microseconds. */
  readonly beyond: (n: number) => number
  readonly pool: Options
  readonly chunkSize: number | "auto"
}): Effect.Effect<Report> =>
  Effect.gen(function*() {
    const { beyond, chunkSize, classes, innocents: names, pool, tasks } = options
    const total = tasks * 3
    const record = Record.make(total)
    const threads = yield* countThreads
    const make = (id: number): Any => {
      const n = Math.floor(id / 3)
      if (id % 3 !== 1) return new innocents[names[(n + id) % names.length]]({ id })
      const { Class, millis } = deadlines[classes[n % classes.length]]
      return new Class({ id, micros: millis * 1000 + beyond(n) })
    }
    const outcomes = new Int32Array(total)
    const wrong: Array<string> = []
    const ends = (): Ends => ({ succeeded: 0, timedOut: 0, early: 0 })
    const report = { wrong, busy: ends(), polling: ends(), again: 0 }
    const judge = ({ index, result, task }: Dispatcher.TaskResult<Any>) => {
      const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
      outcomes[index]++
      if (task.id !== index) wrong.push(`${task} came as number ${index}`)
      if (Result.isSuccess(result) && result.success !== task.id) wrong.push(`${task} gave ${result.success}`)
      if (isInnocent(task)) {
        if (end !== "success") wrong.push(`${task} is innocent and ended with ${end}`)
        return
      }
      if (end !== "success" && end !== "TimedOut") wrong.push(`${task} ended with ${end}`)
      const ends = task._tag === "Busy" ? report.busy : report.polling
      if (end === "success") ends.succeeded++
      else ends.timedOut++
      const stop = record.interruptedAfter(task.id)
      if (end === "TimedOut" && stop > 0 && stop < deadlines[task._tag].millis - TICK) ends.early++
    }
    yield* Stream.range(0, total - 1).pipe(
      Stream.map(make),
      Dispatcher.results({ chunkSize }),
      Stream.runForEachArray((results) => Effect.sync(() => results.forEach(judge))),
      Effect.provide(layer(pool)),
      Effect.orDie
    )
    for (let id = 0; id < total; id++) {
      const task = make(id)
      if (outcomes[id] !== 1) wrong.push(`${task} has ${outcomes[id]} outcomes`)
      const starts = record.starts(id)
      // Its outcome may be lost with its thread, so that it runs again; but it is never ended itself.
      if (record.restarts(id) > 0) wrong.push(`${task} was ended, and started again`)
      if (isInnocent(task) && (starts === 0 || starts !== record.finishes(id))) wrong.push(`${task} was ended`)
      if (task._tag === "Once" && starts > 1) wrong.push(`${task} was started ${starts} times`)
      if (starts > 1) report.again += starts - 1
    }
    return { ...report, threads: threads.started }
  }).pipe(Effect.scoped)
