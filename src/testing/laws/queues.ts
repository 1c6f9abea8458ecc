import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import type * as Queue from "../../Queue.ts"
import type * as TaskFailure from "../../TaskFailure.ts"
import { expect, expectEqual, type Law, property } from "../property.ts"
import { Hold, Square, Stumble } from "../tasks.ts"
import { settle, until } from "../time.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Consumer = Schema.Literals(["pop", "popMany", "popSome", "toStream"])

/** The content of a popped outcome: its task, and the end of that task. */
type Popped = readonly [n: number, end: "success" | "failure"]

const failed = (failure: TaskFailure.TaskFailure<Stumble>): Popped => [failure.task.n, "failure"]

const fromResult = ({ result, task }: Dispatcher.TaskResult<Stumble>): Popped => [
  task.n,
  Result.isSuccess(result) ? "success" : "failure"
]

/** Pops until the queue has ended; fails with the error of the last pop. */
const drain = (
  queue: Queue.TaskQueue<Stumble>,
  how: typeof Consumer.Type,
  popped: Array<Popped>
): Effect.Effect<void, Queue.QueueClosed | Dispatcher.DispatcherClosed | Dispatcher.DispatchTimeout> => {
  switch (how) {
    case "pop":
      return Effect.forever(
        queue.pop().pipe(
          Effect.map(({ n }): Popped => [n, "success"]),
          Effect.catchTag("TaskFailure", (failure) => Effect.succeed(failed(failure))),
          Effect.map((outcome) => popped.push(outcome))
        )
      )
    case "popMany":
    case "popSome":
      return Effect.forever(Effect.map(
        queue.popMany(how === "popSome" ? { max: 2 } : {}),
        (results) => popped.push(...results.map(fromResult))
      ))
    case "toStream":
      return Stream.runForEach(queue.toStream, (result) => Effect.sync(() => popped.push(fromResult(result))))
  }
}

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.result(effect), (result) => Result.isFailure(result) ? result.failure._tag : "success")

/** Law 7: queues. */
export const queues: Law = {
  number: 7,
  name: "a queue pops the outcome of each pushed task exactly once; after its end, calls fail with typed errors",
  properties: [
    property(
      "the outcome of each pushed task is popped once, by any consumer and any operation, until the queue is ended",
      {
        input: Arbitrary.schema(Schema.Struct({
          producers: Schema.Array(Schema.Array(Schema.Struct({ failures: count(0, 3), pauses: count(0, 4) })))
            .check(Schema.isMaxLength(3)),
          consumers: Schema.NonEmptyArray(Consumer).check(Schema.isMaxLength(3)),
          capacity: Schema.Literals(["unbounded", 1, 2, 5]),
          chunkSize: Schema.Literals(["auto", 1, 3]),
          retries: count(0, 2)
        })),
        holds: ({ capacity, chunkSize, consumers, producers, retries }) =>
          Effect.gen(function*() {
            const queue = yield* Dispatcher.makeQueue<Stumble>({
              capacity,
              chunkSize,
              ...(retries === 0 ? {} : { retry: { times: retries } })
            })
            const popped: Array<Popped> = []
            const consuming = yield* Effect.forEach(
              consumers,
              (how) => Effect.forkChild(tagOf(drain(queue, how, popped)))
            )
            const tasks = producers.flatMap((tasks, producer) =>
              tasks.map((task, i) => ({ producer, task: new Stumble({ ...task, n: producer * 1000 + i }) }))
            )
            yield* Effect.forEach(
              producers,
              (_, producer) =>
                Effect.forEach(tasks.filter((task) => task.producer === producer), ({ task }) => queue.push(task)),
              { concurrency: "unbounded" }
            )
            yield* queue.end
            const ends = yield* Effect.forEach(consuming, Fiber.join)
            yield* expectEqual(
              ends,
              consumers.map((how) => how === "toStream" ? "success" : "QueueClosed"),
              "how the consumers ended"
            )
            const expected = tasks.map(({ task: { failures, n } }): Popped => [
              n,
              failures <= retries ? "success" : "failure"
            ])
            const order = (a: Popped, b: Popped) => a[0] - b[0]
            yield* expectEqual(popped.toSorted(order), expected.toSorted(order), "popped outcomes")
            yield* expectEqual(yield* queue.size, { waiting: 0, running: 0, ready: 0 }, "size of the ended queue")
            const push = tagOf(queue.push(new Stumble({ n: 1, failures: 0, pauses: 0 })))
            yield* expectEqual(yield* push, "QueueClosed", "push after the end")
            yield* expectEqual(yield* tagOf(queue.pop()), "QueueClosed", "pop after the end")
            yield* expectEqual(yield* tagOf(queue.popMany()), "QueueClosed", "popMany after the end")
          })
      }
    ),
    property("a queue holds no more results than its capacity and the running slots, and never blocks for good", {
      input: Arbitrary.schema(Schema.Struct({ capacity: count(1, 6), tasks: count(1, 40), pauses: count(0, 2) })),
      holds: ({ capacity, pauses, tasks }, { subject }) =>
        Effect.gen(function*() {
          const queue = yield* Dispatcher.makeQueue<Square>({ capacity })
          const bound = capacity + (subject.slots ?? subject.concurrency)
          let pushed = 0
          let popped = 0
          while (popped < tasks) {
            while (pushed < tasks) {
              const push = yield* tagOf(queue.push(new Square({ n: pushed, pauses }), { timeout: 0 }))
              if (push !== "success") {
                yield* expectEqual(push, "DispatchTimeout", "a push that finds no room")
                break
              }
              pushed++
              yield* expect(pushed - popped <= bound, () =>
                `${pushed - popped} tasks were pushed and not popped, of ${bound}`)
            }
            yield* expect(pushed > popped, () =>
              "an empty queue refused a push")
            yield* queue.pop()
            popped++
          }
          yield* expectEqual(
            yield* tagOf(queue.pop({ timeout: 0 })),
            "DispatchTimeout",
            "pop of an empty queue at once"
          )
          yield* expectEqual(yield* queue.popMany({ timeout: 0 }), [], "popMany of an empty queue at once")
        })
    }),
    property("ready results are popped at once, all together", {
      input: Arbitrary.schema(Schema.Struct({ tasks: count(1, 20), max: count(1, 25) })),
      holds: ({ max, tasks }) =>
        Effect.gen(function*() {
          const queue = yield* Dispatcher.makeQueue<Stumble>()
          for (let n = 0; n < tasks; n++) yield* queue.push(new Stumble({ n, failures: n % 2, pauses: 0 }))
          let ready = 0
          while (ready < tasks) {
            yield* settle(1)
            ready = (yield* queue.size).ready
          }
          const first = yield* queue.popMany({ timeout: 0, max })
          yield* expectEqual(first.length, Math.min(max, tasks), "results popped at once")
          const rest = tasks > max ? yield* queue.popMany({ timeout: 0 }) : []
          const all = [...first, ...rest].map(fromResult).toSorted((a, b) => a[0] - b[0])
          yield* expectEqual(
            all,
            Array.from({ length: tasks }, (_, n): Popped => [n, n % 2 === 0 ? "success" : "failure"]),
            "results popped, failures among them"
          )
        })
    }),
    property("closing a queue interrupts its running tasks, starts no more, and wakes the waiting callers", {
      input: Arbitrary.schema(Schema.Struct({ tasks: count(0, 15), capacity: Schema.Literals(["unbounded", 1, 3]) })),
      needs: ["sharesMemory"],
      holds: ({ capacity, tasks }, { seen, subject }) =>
        Effect.gen(function*() {
          const queue = yield* Dispatcher.makeQueue<Hold>({ capacity })
          let pushed = 0
          const pushing = yield* Effect.forkChild(tagOf(Effect.forEach(
            Array.from({ length: tasks }, (_, id) => new Hold({ id })),
            (task) => Effect.map(queue.push(task), () => pushed++)
          )))
          const popping = yield* Effect.forkChild(tagOf(queue.pop()))
          yield* until(() => seen.running >= Math.min(tasks, subject.concurrency))
          yield* settle()
          yield* queue.close
          const starts = seen.starts.length
          yield* expectEqual(
            seen.ends.toSorted(),
            seen.starts.toSorted(),
            "handlers whose finalizers ran, of those started"
          )
          yield* expectEqual(yield* Fiber.join(popping), "QueueClosed", "a pop that waited")
          const push = yield* Fiber.join(pushing)
          yield* expectEqual(push, pushed === tasks ? "success" : "QueueClosed", "a push that waited")
          yield* expectEqual(yield* tagOf(queue.push(new Hold({ id: 99 }))), "QueueClosed", "push after close")
          yield* expectEqual(yield* tagOf(queue.pop()), "QueueClosed", "pop after close")
          yield* settle()
          yield* expect(seen.starts.length === starts, () => "a task of a closed queue started")
        })
    }),
    property("the end of the dispatcher's scope closes queues with its own error", {
      input: Arbitrary.schema(Schema.Struct({ holds: count(0, 8), how: Consumer })),
      dispatcher: () => ({}),
      holds: ({ holds, how }, { close, subject }) =>
        Effect.gen(function*() {
          const queue = yield* Dispatcher.makeQueue<Stumble>()
          const blocked = yield* Dispatcher.makeQueue<Hold>({ capacity: 1 })
          const waiting = yield* Effect.forkChild(tagOf(drain(queue, how, [])))
          const pushing = yield* Effect.forkChild(
            tagOf(
              Effect.forEach(Array.from({ length: holds }, (_, id) => new Hold({ id })), (task) => blocked.push(task))
            )
          )
          yield* settle()
          yield* close
          const task = new Square({ n: 1, pauses: 0 })
          const pushed = yield* Fiber.join(pushing)
          yield* expect(
            pushed === "DispatcherClosed" || holds <= 1 + (subject.slots ?? subject.concurrency),
            () => `a push that waited ended with ${pushed}`
          )
          const seen = {
            waiting: yield* Fiber.join(waiting),
            push: yield* tagOf(queue.push(new Stumble({ n: 1, failures: 0, pauses: 0 }))),
            pop: yield* tagOf(queue.pop()),
            popMany: yield* tagOf(queue.popMany()),
            toStream: yield* tagOf(Stream.runDrain(queue.toStream)),
            makeQueue: yield* tagOf(Dispatcher.makeQueue<Square>()),
            run: yield* tagOf(Dispatcher.run(task)),
            execute: yield* tagOf(Stream.runDrain(Dispatcher.execute([task])))
          }
          for (const [what, tag] of Object.entries(seen)) {
            yield* expectEqual(tag, "DispatcherClosed", `${what} after the dispatcher's end`)
          }
        })
    })
  ]
}
