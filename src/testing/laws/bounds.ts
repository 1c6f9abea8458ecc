import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { Options, Sample, toOptions, work } from "../generators.ts"
import { expect, expectEqual, type Law, property, type Trial } from "../property.ts"
import { Hold, Square, Stumble } from "../tasks.ts"
import { settle, until } from "../time.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const slotsOf = ({ subject }: Trial) => subject.slots ?? subject.concurrency

/** Counts the tasks that producers have handed over and that have not started. */
class Flow {
  accepted = 0
  readonly trial: Trial

  constructor(trial: Trial) {
    this.trial = trial
  }

  get unstarted(): number {
    return this.accepted - this.trial.seen.starts.length
  }

  *tasks(count: number, base: number): Iterable<Hold> {
    for (let i = 0; i < count; i++) {
      this.accepted++
      yield new Hold({ id: base + i })
    }
  }
}

/** Law 6: the bounds. */
export const bounds: Law = {
  number: 6,
  name: "running tasks never exceed the concurrency, accepted ones the capacity, pulled − taken the credits",
  properties: [
    property("as many tasks run as the concurrency allows, and no more", {
      input: Arbitrary.all({ before: work(Sample, 12), holds: Arbitrary.schema(count(0, 9)) }),
      needs: ["sharesMemory"],
      holds: ({ before: { options, tasks }, holds }, trial) =>
        Effect.gen(function*() {
          const { seen, subject } = trial
          // Earlier failures, retries and mixed tasks must neither have lost nor added a slot.
          yield* Stream.runDrain(Dispatcher.results(tasks, toOptions(options)))
          seen.reset()
          const total = subject.concurrency + holds
          const executions = [
            Array.from({ length: Math.ceil(total / 2) }, (_, id) => new Hold({ id })),
            Array.from({ length: Math.floor(total / 2) }, (_, id) => new Hold({ id: 100 + id }))
          ]
          const fiber = yield* Effect.forkChild(Effect.forEach(
            executions,
            (tasks) => Stream.runDrain(Dispatcher.execute(tasks, toOptions({ ...options, bufferSize: "default" }))),
            { concurrency: "unbounded" }
          ))
          yield* until(() => seen.running >= subject.concurrency)
          yield* settle()
          const { running } = yield* Dispatcher.status
          yield* expect(running <= slotsOf(trial), () => `status says that ${running} tasks run`)
          for (const id of seen.starts) {
            seen.release(id)
            yield* settle(1)
          }
          seen.releaseAll()
          yield* Fiber.join(fiber)
          yield* expect(seen.peak <= subject.concurrency, () => `${seen.peak} tasks ran at once`)
        })
    }),
    property("no more tasks are accepted and not started than the capacity and one per producer", {
      input: Arbitrary.schema(Schema.Struct({
        capacity: count(1, 5),
        executions: Schema.Array(count(0, 12)).check(Schema.isMaxLength(3)),
        queues: Schema.Array(count(0, 12)).check(Schema.isMaxLength(3)),
        options: Options
      })),
      needs: ["bounds", "sharesMemory"],
      dispatcher: ({ capacity }) => ({ capacity }),
      holds: ({ capacity, executions, options, queues }, trial) =>
        Effect.gen(function*() {
          const { seen } = trial
          const flow = new Flow(trial)
          const producers = executions.length + queues.length
          const total = [...executions, ...queues].reduce((sum, n) => sum + n, 0)
          const bound = capacity + producers
          const check = Effect.gen(function*() {
            yield* settle(3)
            yield* expect(
              flow.unstarted <= bound,
              () => `${flow.unstarted} tasks are accepted and not started, of ${bound}`
            )
            const { waiting } = yield* Dispatcher.status
            yield* expect(waiting <= bound, () => `status says that ${waiting} tasks wait, of ${bound}`)
          })
          const executing = yield* Effect.forkChild(Effect.forEach(
            executions,
            (n, i) => Stream.runDrain(Dispatcher.execute(flow.tasks(n, 100 * i), toOptions(options))),
            { concurrency: "unbounded" }
          ))
          const pushing = yield* Effect.forkChild(Effect.forEach(queues, (n, i) =>
            Effect.gen(function*() {
              const queue = yield* Dispatcher.makeQueue<Hold>()
              for (let id = 0; id < n; id++) {
                yield* queue.push(new Hold({ id: 1000 + 100 * i + id }))
                flow.accepted++
              }
              for (let id = 0; id < n; id++) yield* queue.pop()
            }), { concurrency: "unbounded" }))
          for (let released = 0; released < total; released++) {
            yield* check
            yield* until(() => seen.starts.length > released)
            seen.release(seen.starts[released])
          }
          yield* Fiber.join(executing)
          yield* Fiber.join(pushing)
        })
    }),
    property("each task that has no outcome waits or runs, by the status and by the size of its queue", {
      input: Arbitrary.schema(Schema.Struct({ pushed: count(0, 12), ready: count(0, 4), runs: count(0, 12) })),
      liveRuns: 5,
      holds: ({ pushed, ready, runs }, trial) =>
        Effect.gen(function*() {
          const slots = trial.subject.concurrency
          const queue = yield* Dispatcher.makeQueue<Hold | Square>({ chunkSize: 1 })
          for (let n = 0; n < ready; n++) yield* queue.push(new Square({ n, pauses: 0 }))
          while ((yield* queue.size).ready < ready) yield* settle(1)
          for (let id = 0; id < pushed; id++) yield* queue.push(new Hold({ id }))
          const running = yield* Effect.forkChild(
            Effect.all(Array.from({ length: runs }, (_, id) => Dispatcher.run(new Hold({ id: 100 + id }))), {
              concurrency: "unbounded"
            })
          )
          const total = pushed + runs
          const full = Math.min(slots, total)
          let status = yield* Dispatcher.status
          while (status.running < full || status.running + status.waiting < total) {
            yield* settle(1)
            status = yield* Dispatcher.status
          }
          const size = yield* queue.size
          yield* expectEqual([status.running, status.waiting], [full, total - full], "running and waiting")
          yield* expectEqual([size.waiting + size.running, size.ready], [pushed, ready], "the queue's")
          yield* Fiber.interrupt(running)
          yield* queue.close
          const { executions, running: left, waiting } = yield* Dispatcher.status
          yield* expectEqual([executions, left, waiting], [0, 0, 0], "executions, running and waiting at the end")
        })
    }),
    property("no more tasks are pulled and not taken than the credits", {
      input: Arbitrary.schema(Schema.Struct({
        tasks: count(0, 60),
        bufferSize: count(1, 8),
        array: count(0, 6),
        /** Attempts in which the first task fails, which ordered results wait for. */
        failures: count(0, 3),
        slow: count(0, 4),
        options: Options
      })),
      holds: ({ array, bufferSize, failures, options, slow, tasks }, trial) =>
        Effect.gen(function*() {
          let pulled = 0
          let taken = 0
          let most = 0
          const pull = <T>(task: T, count: number): T => {
            pulled += count
            most = Math.max(most, pulled - taken)
            return task
          }
          const make = (n: number) =>
            n === 0
              ? new Stumble({ n, failures, pauses: 4 })
              : new Square({ n, pauses: n % 3 })
          const one = function*() {
            for (let n = 0; n < tasks; n++) yield pull(make(n), 1)
          }
          const source = array === 0
            ? one()
            : Stream.range(0, tasks - 1).pipe(
              Stream.map(make),
              Stream.rechunk(array),
              Stream.mapArray((tasks) => pull(tasks, tasks.length))
            )
          const settings = { ...toOptions({ ...options, retries: failures }), bufferSize }
          const pause = Effect.suspend(() => slow === 0 ? Effect.void : settle(slow))
          yield* Dispatcher.execute(source as Iterable<Square | Stumble>, settings).pipe(
            Stream.runForEach(() =>
              Effect.andThen(
                pause,
                Effect.sync(() => {
                  taken++
                })
              )
            )
          )
          const bound = bufferSize + slotsOf(trial) + array
          yield* expect(most <= bound, () => `${most} tasks were pulled and not taken, of ${bound}`)
          yield* expect(taken === tasks, () => `${taken} results of ${tasks} tasks`)
        })
    })
  ]
}
