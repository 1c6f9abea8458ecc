/** Delivered outcomes are not retained, though another task of their chunk runs on. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "./retention/handlers.ts"
import { Echo, Tasks } from "./retention/tasks.ts"

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const CHUNK = 8

/** Holds tasks and their outcomes by weak references. */
class Weakly {
  readonly refs: Array<WeakRef<object>> = []

  readonly add = <A extends object>(value: A): A => {
    this.refs.push(new WeakRef(value))
    return value
  }

  /** Fails unless all of them have been collected, apart from the task that runs. */
  readonly expectCollected = Effect.gen({ self: this }, function*() {
    const alive = () => this.refs.filter((ref) => ref.deref() !== undefined).length
    for (let i = 0; i < 100 && alive() > 1; i++) {
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10)))
      collectGarbage()
    }
    assert.isAbove(this.refs.length, CHUNK)
    assert.isAtMost(alive(), 1, `of ${this.refs.length} tasks and outcomes`)
  })
}

/** One chunk, whose last task runs on. */
function* chunk(weakly: Weakly, fails: boolean): Iterable<Echo> {
  for (let i = 1; i <= CHUNK; i++) {
    const how = i === CHUNK ? "never" : fails && i % 2 === 0 ? "fail" : "succeed"
    yield weakly.add(new Echo({ how, bytes: new Uint8Array(8) }))
  }
}

const dispatchers = {
  Fiber: FiberDispatcher.layer(Tasks, { concurrency: CHUNK }).pipe(Layer.provide(handlers)),
  "Fiber with codecs": FiberDispatcher.layer(Tasks, { concurrency: CHUNK, codecs: true }).pipe(Layer.provide(handlers)),
  WorkerPool: WorkerPoolDispatcher.layer(Tasks, {
    handlers: new URL("./retention/handlers.ts", import.meta.url),
    size: 1,
    concurrency: CHUNK
  })
}

for (const [name, layer] of Object.entries(dispatchers)) {
  describe(`Memory of ${name}`, () => {
    const retains = (title: string, use: (weakly: Weakly) => Effect.Effect<void, unknown, Dispatcher.Dispatcher>) =>
      it.live(title, () => Effect.suspend(() => use(new Weakly())).pipe(Effect.provide(layer)), 30_000)

    for (const ordered of [false, true]) {
      const order = ordered ? "ordered " : ""
      retains(`keeps no ${order}result that was taken, nor its task`, (weakly) =>
        Effect.gen(function*() {
          let taken = 0
          const fiber = yield* Dispatcher.execute(chunk(weakly, false), { ordered, chunkSize: CHUNK }).pipe(
            Stream.runForEach((value) => Effect.sync(() => weakly.add(value) && taken++)),
            Effect.forkChild
          )
          while (taken < CHUNK - 1) yield* Effect.sleep(1)
          yield* weakly.expectCollected
          yield* Fiber.interrupt(fiber)
        }))

      retains(`keeps no ${order}outcome that was taken, nor its task`, (weakly) =>
        Effect.gen(function*() {
          let taken = 0
          const fiber = yield* Dispatcher.results(chunk(weakly, true), { ordered, chunkSize: CHUNK }).pipe(
            Stream.runForEach(({ result }) =>
              Effect.sync(() => {
                weakly.add(result._tag === "Success" ? result.success : result.failure)
                taken++
              })
            ),
            Effect.forkChild
          )
          while (taken < CHUNK - 1) yield* Effect.sleep(1)
          yield* weakly.expectCollected
          yield* Fiber.interrupt(fiber)
        }))
    }

    retains("keeps no outcome that was popped, nor its task", (weakly) =>
      Effect.scoped(Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Echo>({ chunkSize: CHUNK })
        for (const task of chunk(weakly, true)) yield* queue.push(task)
        const pop = Effect.match(queue.pop(), { onSuccess: weakly.add<object>, onFailure: weakly.add<object> })
        for (let popped = 0; popped < CHUNK / 2; popped++) yield* Effect.asVoid(pop)
        yield* Effect.map(queue.popMany({ max: CHUNK / 2 - 1, timeout: "5 seconds" }), (results) => {
          for (const { result } of results) weakly.add(result._tag === "Success" ? result.success : result.failure)
        })
        yield* weakly.expectCollected
      })))

    retains("keeps no result of a single task, nor the task", (weakly) =>
      Effect.gen(function*() {
        const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
        for (const task of chunk(weakly, false)) {
          const run = Effect.suspend(() => Dispatcher.run(task))
          fibers.push(yield* Effect.forkChild(Effect.asVoid(Effect.map(run, weakly.add))))
        }
        for (const fiber of fibers.splice(0, CHUNK - 1)) yield* Fiber.join(fiber)
        yield* weakly.expectCollected
        yield* Fiber.interrupt(fibers[0])
      }))
  })
}
