import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { pass, passing, settle, turn, untilEnded } from "./support/time.ts"

class Odd extends Schema.TaggedError<Odd>()("Odd", { n: Schema.Int }) {}

/** A task whose behaviour is given by its fields. */
class Act extends Task.Class<Act>()("Act", {
  payload: {
    n: Schema.Int,
    act: Schema.Literals([
      "succeed",
      "fail",
      "throw",
      "die",
      "interrupt",
      "never",
      "stubborn",
      "misfit",
      "sleep",
      "nothing"
    ])
  },
  success: Schema.Int,
  error: Odd
}) {}
class Parent extends Task.Class<Parent>()("Parent", { payload: { children: Schema.Int }, success: Schema.Int }) {}
class Family extends Task.Class<Family>()("Family", { payload: { children: Schema.Int }, success: Schema.Int }) {}
class Impatient extends Task.Class<Impatient>()("Impatient", { success: Schema.Boolean }) {}
class Detached extends Task.Class<Detached>()("Detached") {}
class Stranger extends Task.Class<Stranger>()("Stranger") {}

const Tasks = TaskGroup.make(Act, Parent, Family, Impatient, Detached)
const act = (act: Act["act"], n = 0) => new Act({ n, act })

/** The observations of handlers, for tests that share memory with them. */
class Seen extends Context.Service<Seen, { running: number; most: number; parents: number; mostParents: number }>()(
  "test/Seen"
) {
  static readonly layer = Layer.sync(Seen, () => Seen.of({ running: 0, most: 0, parents: 0, mostParents: 0 }))
}

const handlers = Tasks.toLayer(Effect.gen(function*() {
  const seen = yield* Seen
  const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        seen.most = Math.max(seen.most, ++seen.running)
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          seen.running--
        })
    )
  return Tasks.of({
    Act: ({ act, n }) => {
      switch (act) {
        case "succeed":
          return Effect.succeed(n + 1)
        case "fail":
          return Effect.fail(new Odd({ n }))
        case "throw":
          throw new RangeError(`thrown ${n}`)
        case "die":
          return Effect.die(new RangeError(`died ${n}`))
        case "interrupt":
          return Effect.interrupt
        case "never":
          return Effect.never
        case "stubborn":
          return Effect.uninterruptible(Effect.as(Effect.sleep("1 hour"), n))
        case "misfit":
          return Effect.succeed("text" as unknown as number)
        case "sleep":
          return counted(Effect.as(Effect.sleep(n), n))
        case "nothing":
          return undefined as unknown as Effect.Effect<number>
      }
    },
    Parent: ({ children }) =>
      Effect.sync(() => {
        seen.mostParents = Math.max(seen.mostParents, ++seen.parents)
      }).pipe(
        Effect.andThen(
          Dispatcher.execute(Array.from({ length: children }, (_, n) => act("sleep", n % 5))).pipe(
            Stream.runFold(() => 0, (sum, n) => sum + n)
          )
        ),
        Effect.orDie,
        Effect.ensuring(Effect.sync(() => {
          seen.parents--
        }))
      ),
    Impatient: () => Effect.orDie(act("never")).pipe(Effect.timeoutOption("1 second"), Effect.map(Option.isNone)),
    Detached: () =>
      Dispatcher.execute([act("sleep", 5)]).pipe(Stream.runDrain, Effect.orDie, Effect.forkDetach, Effect.asVoid),
    Family: ({ children }) =>
      Effect.forEach(
        Array.from({ length: children }, (_, n) => act("succeed", n)),
        (task) => Dispatcher.run(task),
        { concurrency: "unbounded" }
      ).pipe(Effect.map((all) => all.reduce((sum, n) => sum + n, 0)), Effect.orDie)
  })
}))

const withHandlers = <E>(
  layer: Layer.Layer<
    Dispatcher.Dispatcher,
    E,
    TaskGroup.Handler<"Act" | "Parent" | "Family" | "Impatient" | "Detached">
  >
) => layer.pipe(Layer.provide(handlers), Layer.provideMerge(Seen.layer))

const dispatchers = {
  Dummy: withHandlers(DummyDispatcher.layer(Tasks)),
  Fiber: withHandlers(FiberDispatcher.layer(Tasks, { concurrency: 4 })),
  "Fiber with codecs": withHandlers(FiberDispatcher.layer(Tasks, { concurrency: 4, codecs: true }))
}

const reasonOf = (result: Dispatcher.TaskResult<Task.Any>) =>
  Result.isFailure(result.result) ? result.result.failure.reason : undefined

const succeeded = (results: ReadonlyArray<Dispatcher.TaskResult<Task.Any>>) =>
  results.filter(({ result }) => Result.isSuccess(result)).length

const manyAround = (bad: Task.Any) => [
  ...Array.from({ length: 20 }, (_, n) => act("succeed", n)),
  bad as Act,
  ...Array.from({ length: 20 }, (_, n) => act("succeed", n))
]

/** Runs one bad task among forty good ones: the others succeed, and the reason of the bad one is returned. */
const amongOthers = (bad: Task.Any, options?: Dispatcher.ExecuteOptions<Act>) =>
  Effect.gen(function*() {
    const results = yield* Dispatcher.results(manyAround(bad), options).pipe(Stream.runCollect)
    assert.strictEqual(results.length, 41)
    assert.strictEqual(succeeded(results), 40)
    const failed = results.find((result) => Result.isFailure(result.result))!
    assert.strictEqual(failed.index, 20)
    assert.strictEqual(failed.task, bad, "the caller's own task")
    return { reason: reasonOf(failed)!, failure: Result.isFailure(failed.result) ? failed.result.failure : undefined! }
  })

for (const [name, layer] of Object.entries(dispatchers)) {
  const test = <E>(
    title: string,
    program: Effect.Effect<void, E, Dispatcher.Dispatcher | Seen | Scope.Scope>
  ) => it.effect(title, () => program.pipe(Effect.provide(layer)))
  const codec = name !== "Fiber"

  describe(`Dispatcher on ${name}: bad input`, () => {
    test(
      "a typed error fails its own task",
      Effect.gen(function*() {
        const { failure, reason } = yield* amongOthers(act("fail", 7))
        assert(reason._tag === "Failed")
        assert.instanceOf(reason.error, Odd)
        assert.strictEqual((reason.error as Odd).n, 7)
        assert.include(failure.message, "Act")
        assert.include(failure.trace, "Odd")
      })
    )

    for (const how of ["throw", "die"] as const) {
      test(
        `a handler that ${how}s fails its own task with the defect`,
        Effect.gen(function*() {
          const { failure, reason } = yield* amongOthers(act(how, 3))
          assert(reason._tag === "Defect")
          assert.instanceOf(reason.defect, Error)
          assert.strictEqual((reason.defect as Error).name, "RangeError")
          assert.strictEqual((reason.defect as Error).message, how === "throw" ? "thrown 3" : "died 3")
          assert.include(failure.trace, "Dispatcher.test.ts", "the stack of the handler")
          assert.include(failure.message, "RangeError")
        })
      )
    }

    test(
      "a handler that interrupts itself fails its own task",
      Effect.gen(function*() {
        assert.strictEqual((yield* amongOthers(act("interrupt"))).reason._tag, "Interrupted")
      })
    )

    test(
      "a handler that is no Effect fails its own task",
      Effect.gen(function*() {
        assert.strictEqual((yield* amongOthers(act("nothing"))).reason._tag, "Defect")
      })
    )

    test(
      "a task that no worker serves fails alone",
      Effect.gen(function*() {
        const { failure, reason } = yield* amongOthers(new Stranger())
        assert(reason._tag === "UnknownTask")
        assert.strictEqual(reason.name, "Stranger")
        assert.include(failure.message, "Stranger")
      })
    )

    test(
      "a result that does not fit is Undecodable where there is a boundary",
      Effect.gen(function*() {
        if (!codec) return
        const { failure, reason } = yield* amongOthers(act("misfit"))
        assert(reason._tag === "Undecodable")
        assert.strictEqual(reason.part, "success")
        assert.include(failure.message, "success")
      })
    )

    test(
      "a payload that does not fit is Undecodable where there is a boundary",
      Effect.gen(function*() {
        assert.throws(() => new Act({ n: 1.5, act: "succeed" }))
        if (!codec) return
        const bad = Object.assign(Object.create(Act.prototype), { _tag: "Act", n: "text", act: "succeed" }) as Act
        const { reason } = yield* amongOthers(bad)
        assert(reason._tag === "Undecodable")
        assert.strictEqual(reason.part, "payload")
      })
    )

    test(
      "a handler that never ends fails alone by its taskTimeout",
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(amongOthers(act("never"), { taskTimeout: "1 minute" }))
        yield* settle
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const { reason } = yield* Fiber.join(fiber)
        assert(reason._tag === "TimedOut")
        assert.strictEqual(`${reason.duration}`, "60000 millis")
      })
    )

    test(
      "a handler that cannot be interrupted has its outcome a second after its taskTimeout, and keeps its slot and its stream",
      Effect.gen(function*() {
        const reasons: Array<string | undefined> = []
        const fiber = yield* Dispatcher.results([act("stubborn")], { taskTimeout: "1 minute" }).pipe(
          Stream.runForEach((result) => Effect.sync(() => reasons.push(reasonOf(result)?._tag))),
          Effect.forkChild
        )
        yield* settle
        yield* TestClock.adjust("60999 millis")
        yield* settle
        assert.deepStrictEqual(reasons, [])
        yield* TestClock.adjust("1 millis")
        yield* settle
        assert.deepStrictEqual(reasons, ["TimedOut"])
        if (name === "Dummy") {
          assert.isTrue(Option.isNone(yield* act("succeed").pipe(Effect.timeoutOption(0), TestClock.withLive)))
        } else {
          assert.strictEqual(yield* act("succeed"), 1)
        }
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 hour")
        yield* Fiber.join(fiber)
      })
    )

    test(
      "a source that fails midway delivers all outcomes before its error",
      Effect.gen(function*() {
        const source = Stream.concat(
          Stream.range(0, 29).pipe(Stream.map((n) => act("sleep", n % 3))),
          Stream.fail("the source broke")
        )
        const got: Array<number> = []
        const fiber = yield* Dispatcher.execute(source).pipe(
          Stream.runForEach((n) => Effect.sync(() => got.push(n))),
          Effect.flip,
          Effect.forkChild
        )
        yield* untilEnded(fiber, 10)
        assert.strictEqual(yield* Fiber.join(fiber), "the source broke")
        assert.strictEqual(got.length, 30)
      })
    )

    test(
      "an iterable that throws midway ends with that defect, after the outcomes before it",
      Effect.gen(function*() {
        const source = function*() {
          yield act("succeed", 1)
          yield act("succeed", 2)
          throw new Error("the iterator broke")
        }
        const got: Array<number> = []
        const exit = yield* Dispatcher.execute(source()).pipe(
          Stream.runForEach((n) => Effect.sync(() => got.push(n))),
          Effect.exit
        )
        assert(Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), "the iterator broke")
        assert.deepStrictEqual(got.toSorted(), [2, 3])
      })
    )

    test(
      "something that is no task ends the stream with a defect that says so",
      Effect.gen(function*() {
        const exit = yield* Dispatcher.execute([act("succeed"), 42 as unknown as Act]).pipe(
          Stream.runCollect,
          Effect.exit
        )
        assert(Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), "not a task: 42")
      })
    )

    test(
      "an infinite iterable under Stream.take is pulled only as far as credits go, and closed",
      Effect.gen(function*() {
        let pulled = 0
        let closed = false
        const forever = function*() {
          try {
            while (true) yield act("succeed", pulled++)
          } finally {
            closed = true
          }
        }
        const got = yield* Dispatcher.execute(forever(), { bufferSize: 10, ordered: true }).pipe(
          Stream.take(100),
          Stream.runCollect
        )
        assert.deepStrictEqual(got, Array.from({ length: 100 }, (_, n) => n + 1))
        assert.isAtMost(pulled, 100 + 10 + 4)
        assert.isTrue(closed)
      })
    )

    for (
      const [option, value] of [
        ["bufferSize", 0],
        ["bufferSize", NaN],
        ["bufferBytes", -1],
        ["chunkSize", 0.5],
        ["idleTimeout", -1],
        ["taskTimeout", NaN]
      ] as const
    ) {
      test(
        `an unusable ${option} of ${value} is a defect that names it`,
        Effect.gen(function*() {
          const exit = yield* Dispatcher.execute([act("succeed")], { [option]: value }).pipe(
            Stream.runDrain,
            Effect.exit
          )
          assert(Exit.isFailure(exit))
          assert.include(Cause.pretty(exit.cause), option)
        })
      )
    }

    test(
      "the end of the dispatcher's scope fails the remaining callers with DispatcherClosed",
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(Layer.fresh(layer), scope)
        const running = yield* Dispatcher.execute([act("never")]).pipe(
          Stream.runDrain,
          Effect.flip,
          Effect.provide(context),
          Effect.forkChild
        )
        const waiting = yield* Effect.forkChild(Effect.flip(Effect.provide(act("never"), context)))
        const queue = yield* Effect.provide(Dispatcher.makeQueue<Act>(), context)
        const popping = yield* Effect.forkChild(Effect.flip(queue.pop()))
        yield* Effect.yieldNow
        yield* Scope.close(scope, Exit.void)
        for (
          const fiber of [running, waiting, popping] as ReadonlyArray<Fiber.Fiber<{ readonly _tag: string }, unknown>>
        ) {
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "DispatcherClosed")
        }
        assert.strictEqual((yield* Effect.flip(Effect.provide(act("succeed"), context)))._tag, "DispatcherClosed")
        assert.strictEqual((yield* Effect.flip(queue.push(act("succeed"))))._tag, "DispatcherClosed")
      })
    )
  })

  describe(`Dispatcher on ${name}: the ancestor's demos`, () => {
    const task = (n: number) => n % 5 === 0 ? act("fail", n) : act("sleep", n)

    test(
      "execute",
      Effect.gen(function*() {
        const fiber = yield* Dispatcher.execute(Array.from({ length: 20 }, (_, n) => act("sleep", n))).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        const got = yield* Fiber.join(fiber)
        assert.deepStrictEqual(got.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n))
      })
    )

    test(
      "execute with exceptions: the task that raised is known, the others go on",
      Effect.gen(function*() {
        const fiber = yield* Dispatcher.results(Array.from({ length: 20 }, (_, n) => task(n))).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        for (const { index, result, task } of yield* Fiber.join(fiber)) {
          if (index % 5 === 0) {
            assert(Result.isFailure(result))
            assert.strictEqual(result.failure.task, task)
            assert.notStrictEqual(result.failure.trace, "")
          } else {
            assert(Result.isSuccess(result))
            assert.strictEqual(result.success, index)
          }
        }
      })
    )

    test(
      "two executions at once do not mix",
      Effect.gen(function*() {
        const one = yield* Dispatcher.execute(Array.from({ length: 20 }, (_, n) => act("sleep", n))).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        const two = yield* Dispatcher.execute(Array.from({ length: 20 }, (_, n) => act("sleep", 100 + n))).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(one)
        yield* untilEnded(two)
        assert.isTrue((yield* Fiber.join(one)).every((n) => n < 100))
        assert.isTrue((yield* Fiber.join(two)).every((n) => n >= 100))
      })
    )

    test(
      "closing half way leaves nothing running and no queue behind",
      Effect.gen(function*() {
        const seen = yield* Seen
        const fiber = yield* Dispatcher.execute(Array.from({ length: 50 }, () => act("sleep", 10))).pipe(
          Stream.take(3),
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        assert.strictEqual((yield* Fiber.join(fiber)).length, 3)
        assert.strictEqual(seen.running, 0)
        const status = yield* Dispatcher.status
        assert.deepStrictEqual({ running: status.running, waiting: status.waiting, executions: status.executions }, {
          running: 0,
          waiting: 0,
          executions: 0
        })
      })
    )

    test(
      "blocking, non-blocking and timed pop, popMany, close",
      Effect.gen(function*() {
        const queue = yield* Dispatcher.makeQueue<Act>()
        const blocked = yield* Effect.forkChild(queue.pop())
        yield* Effect.yieldNow
        yield* queue.push(act("sleep", 1000))
        assert.strictEqual((yield* Effect.flip(queue.pop({ timeout: 0 })))._tag, "DispatchTimeout")
        const timed = yield* Effect.forkChild(Effect.flip(queue.pop({ timeout: 500 })))
        yield* settle
        yield* TestClock.adjust(500)
        assert.strictEqual((yield* Fiber.join(timed))._tag, "DispatchTimeout")
        yield* TestClock.adjust(500)
        assert.strictEqual(yield* Fiber.join(blocked), 1000)
        yield* Effect.forEach([act("sleep", 10), act("fail", 5), act("sleep", 20)], (task) => queue.push(task))
        const many = yield* Effect.forkChild(queue.popMany({ timeout: 100 }))
        yield* pass(100)
        const got = yield* Fiber.join(many)
        assert.deepStrictEqual(got.map(({ index }) => index).toSorted(), [1, 2, 3])
        assert.strictEqual(succeeded(got), 2)
        yield* queue.push(act("succeed", 1))
        yield* Effect.yieldNow
        assert.strictEqual((yield* queue.popMany({ timeout: 0 })).length, 1, "what waits is taken without any time")
        assert.deepStrictEqual(yield* queue.popMany({ timeout: 0 }), [])
        yield* queue.push(act("never"))
        yield* queue.close
        assert.strictEqual((yield* Effect.flip(queue.pop()))._tag, "QueueClosed")
        assert.strictEqual((yield* Effect.flip(queue.push(act("succeed"))))._tag, "QueueClosed")
        assert.strictEqual((yield* Dispatcher.status).executions, 0)
      })
    )
  })

  describe(`Dispatcher on ${name}: nested tasks`, () => {
    test(
      "a handler runs tasks on its own dispatcher, also one at a time and all at once",
      Effect.gen(function*() {
        const fiber = yield* Dispatcher.execute([new Parent({ children: 10 }), new Parent({ children: 3 })], {
          ordered: true
        }).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        assert.deepStrictEqual(yield* Fiber.join(fiber), [20, 3])
        assert.strictEqual(yield* new Family({ children: 30 }), 465)
      })
    )

    test(
      "a handler that interrupts a child continues, at any concurrency",
      Effect.gen(function*() {
        const fiber = yield* Dispatcher.execute(Array.from({ length: 9 }, () => new Impatient())).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        assert.deepStrictEqual(yield* Fiber.join(fiber), Array.from({ length: 9 }, () => true))
        assert.strictEqual((yield* Dispatcher.status).running, 0)
      })
    )

    test(
      "a handler that ends before its forked fibers costs no slot",
      Effect.gen(function*() {
        const seen = yield* Seen
        yield* passing(Stream.runDrain(Dispatcher.execute(Array.from({ length: 9 }, () => new Detached()))), 10)
        yield* pass(100)
        const fiber = yield* Dispatcher.execute(Array.from({ length: 9 }, () => act("sleep", 5))).pipe(
          Stream.runDrain,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        yield* Fiber.join(fiber)
        assert.strictEqual(seen.most, name === "Dummy" ? 1 : 4)
      })
    )

    test(
      "a thousand parents with children finish; started ones are bounded by concurrency times depth",
      Effect.gen(function*() {
        const seen = yield* Seen
        const concurrency = name === "Dummy" ? 1 : 4
        const fiber = yield* Dispatcher.execute(Array.from({ length: 1000 }, () => new Parent({ children: 3 }))).pipe(
          Stream.runCollect,
          Effect.forkChild
        )
        yield* untilEnded(fiber)
        const sums = yield* Fiber.join(fiber)
        assert.strictEqual(sums.length, 1000)
        assert.isTrue(sums.every((sum) => sum === 3))
        assert.isAtMost(seen.most, concurrency, "running children")
        assert.isAtMost(seen.mostParents, concurrency, "started parents")
      })
    )
  })
}

describe("Dispatcher", () => {
  const fiber = (options?: FiberDispatcher.FiberOptions) => withHandlers(FiberDispatcher.layer(Tasks, options))

  it.effect("interrupting a run interrupts its handler and waits for its finalizers", () =>
    Effect.gen(function*() {
      class Hold extends Task.Class<Hold>()("Hold") {}
      const Holds = TaskGroup.make(Hold)
      const started = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const layer = FiberDispatcher.layer(Holds).pipe(
        Layer.provide(Holds.toLayer({
          Hold: () =>
            Deferred.succeed(started, undefined).pipe(
              Effect.andThen(Effect.never),
              Effect.ensuring(Deferred.await(release))
            )
        }))
      )
      yield* Effect.gen(function*() {
        const run = yield* Effect.forkChild(Dispatcher.run(new Hold()))
        yield* Deferred.await(started)
        const interrupt = yield* Effect.forkChild(Fiber.interrupt(run))
        yield* Effect.yieldNow
        assert.isUndefined(interrupt.pollUnsafe())
        yield* Deferred.succeed(release, undefined)
        yield* Fiber.join(interrupt)
        assert.strictEqual((yield* Dispatcher.status).running, 0)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("retries by schedule without holding a slot, and counts attempts", () =>
    Effect.gen(function*() {
      class Flaky
        extends Task.Class<Flaky>()("Flaky", { payload: { until: Schema.Int }, success: Schema.Int, error: Odd })
      {}
      const Group = TaskGroup.make(Flaky)
      const layer = FiberDispatcher.layer(Group, { concurrency: 1 }).pipe(
        Layer.provide(Group.toLayer({
          Flaky: Effect.fnUntraced(function*({ until }) {
            const attempt = yield* Task.CurrentAttempt
            return attempt < until ? yield* new Odd({ n: attempt }) : attempt
          })
        }))
      )
      yield* Effect.gen(function*() {
        const seen: Array<number> = []
        const run = yield* Dispatcher.execute([new Flaky({ until: 3 }), new Flaky({ until: 1 })], {
          retry: Schedule.spaced("1 minute")
        }).pipe(Stream.runForEach((n) => Effect.sync(() => seen.push(n))), Effect.forkChild)
        yield* settle
        yield* TestClock.adjust("10 seconds")
        yield* settle
        assert.deepStrictEqual(seen, [1], "the second one did not wait for the retry of the first")
        yield* untilEnded(run)
        yield* Fiber.join(run)
        assert.deepStrictEqual(seen, [1, 3])
        const exhausted = yield* Dispatcher.execute([new Flaky({ until: 9 })], { retry: { times: 2 } }).pipe(
          Stream.runDrain,
          Effect.flip
        )
        assert(exhausted._tag === "TaskFailure")
        assert.strictEqual(exhausted.attempt, 3)
        const refused = yield* Dispatcher.execute([new Flaky({ until: 9 })], {
          retry: { while: (failure) => failure.attempt < 5 }
        }).pipe(Stream.runDrain, Effect.flip)
        assert(refused._tag === "TaskFailure")
        assert.strictEqual(refused.attempt, 5)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("ends with DispatchTimeout when nothing completes, and interrupts the rest", () =>
    Effect.gen(function*() {
      const run = yield* Dispatcher.execute([act("succeed"), act("never")], { idleTimeout: "10 seconds" }).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.forkChild
      )
      yield* settle
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(run.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(run)
      assert.strictEqual(error._tag, "DispatchTimeout")
      assert.include(error.message, "within 10s")
      assert.strictEqual((yield* Dispatcher.status).running, 0)
    }).pipe(Effect.provide(fiber())))

  it.effect("a handler sees the caller's span as its parent, and nothing else of its context", () =>
    Effect.gen(function*() {
      class Look extends Task.Class<Look>()("Look", { success: Schema.Array(Schema.String) }) {}
      const Group = TaskGroup.make(Look)
      const Mark = Context.Reference<string>("test/Mark", { defaultValue: () => "default" })
      const layer = FiberDispatcher.layer(Group).pipe(
        Layer.provide(Group.toLayer({
          Look: Effect.fnUntraced(function*() {
            const span = yield* Effect.currentSpan.pipe(Effect.orDie)
            const parent = span.parent
            return [yield* Mark, span.name, parent._tag === "Some" ? parent.value.spanId : ""]
          })
        }))
      )
      yield* Effect.gen(function*() {
        const seen = yield* new Look()
        const { spanId } = yield* Effect.currentSpan
        assert.deepStrictEqual(seen, ["default", "papyros.Look", spanId])
      }).pipe(Effect.withSpan("caller"), Effect.provideService(Mark, "caller"), Effect.provide(layer))
      assert.isDefined(Tracer.ParentSpan)
    }))

  it.effect("an unsampled caller's span is passed on, and the task makes none of its own", () =>
    Effect.gen(function*() {
      class Look extends Task.Class<Look>()("Look", { success: Schema.Array(Schema.String) }) {}
      const Group = TaskGroup.make(Look)
      const layer = FiberDispatcher.layer(Group).pipe(
        Layer.provide(Group.toLayer({
          Look: () =>
            Effect.map(Effect.currentParentSpan, ({ sampled, spanId }) => [spanId, String(sampled)]).pipe(Effect.orDie)
        })),
        Layer.withSpan("building")
      )
      const span = Tracer.externalSpan({ spanId: "1", traceId: "2", sampled: false })
      const seen = yield* new Look().pipe(Effect.provide(layer), Effect.withParentSpan(span))
      assert.deepStrictEqual(seen, ["1", "false"])
    }))

  it.effect("interrupts the forked fibers of a handler when the handler ends", () =>
    Effect.gen(function*() {
      class Fork extends Task.Class<Fork>()("Fork") {}
      const Group = TaskGroup.make(Fork)
      const interrupted = yield* Deferred.make<void>()
      const layer = FiberDispatcher.layer(Group).pipe(
        Layer.provide(Group.toLayer({
          Fork: () =>
            Effect.never.pipe(
              Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)),
              Effect.forkChild({ startImmediately: true }),
              Effect.asVoid
            )
        }))
      )
      yield* Effect.provide(new Fork(), layer)
      yield* Deferred.await(interrupted)
    }))

  it.effect("ends all running tasks, also when the end of one task lets another end at once", () =>
    Effect.gen(function*() {
      class Wait extends Task.Class<Wait>()("Wait", { payload: { n: Schema.Int } }) {}
      const Group = TaskGroup.make(Wait)
      const door = yield* Deferred.make<void>()
      const interrupted: Array<number> = []
      const layer = FiberDispatcher.layer(Group, { concurrency: 4 }).pipe(
        Layer.provide(Group.toLayer({
          Wait: ({ n }) =>
            (n === 2 ? Deferred.await(door) : Effect.never).pipe(
              Effect.onInterrupt(() => {
                interrupted.push(n)
                return n === 3 ? Deferred.succeed(door, undefined) : Effect.void
              })
            )
        }))
      )
      const run = yield* Dispatcher.execute([1, 2, 3].map((n) => new Wait({ n }))).pipe(
        Stream.runDrain,
        Effect.timeoutOption("1 second"),
        Effect.provide(layer),
        Effect.forkChild
      )
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(run)
      assert.sameMembers(interrupted.filter((n) => n !== 2), [1, 3])
    }))

  it.effect("starts tasks that a source pushes to the same dispatcher while it is pulled", () =>
    Effect.gen(function*() {
      const queue = yield* Dispatcher.makeQueue<Act>()
      const push = (n: number) => Effect.runSync(queue.push(act("succeed", n)))
      const source = function*() {
        push(1)
        yield act("succeed", 10)
        push(2)
      }
      const got = yield* Stream.runCollect(Dispatcher.execute(source()))
      assert.deepStrictEqual(got, [11])
      const pushed = [yield* queue.pop(), yield* queue.pop()]
      assert.deepStrictEqual(pushed.toSorted(), [2, 3])
    }).pipe(Effect.scoped, Effect.provide(fiber({ concurrency: 1 }))))

  it.effect("a handler whose fibers wait for tasks at the same time has its slot back once", () =>
    Effect.gen(function*() {
      class Both extends Task.Class<Both>()("Both") {}
      class Nap extends Task.Class<Nap>()("Nap", { payload: { millis: Schema.Int } }) {}
      const Group = TaskGroup.make(Both, Nap)
      const layer = FiberDispatcher.layer(Group, { concurrency: 1 }).pipe(
        Layer.provide(Group.toLayer({
          Nap: ({ millis }) => Effect.sleep(millis),
          Both: () => {
            const pop = (after: number) =>
              Effect.gen(function*() {
                const queue = yield* Dispatcher.makeQueue<Nap>()
                yield* Effect.sleep(after)
                yield* Effect.exit(queue.pop({ timeout: 100 }))
              }).pipe(Effect.scoped, Effect.orDie)
            return Effect.all([pop(0), pop(200), Effect.orDie(new Nap({ millis: 1000 }))], {
              concurrency: "unbounded",
              discard: true
            })
          }
        }))
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Dispatcher.run(new Both()))
        yield* untilEnded(fiber, 100)
        yield* Fiber.join(fiber)
        const again = yield* Effect.forkChild(Dispatcher.run(new Both()))
        yield* untilEnded(again, 100)
        assert.strictEqual((yield* Dispatcher.status).succeeded, 4)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("tasks that come back unstarted when a time slice is over stay within the capacity", () =>
    Effect.gen(function*() {
      class Busy extends Task.Class<Busy>()("Busy") {}
      const Group = TaskGroup.make(Busy)
      const spin = () => {
        const until = performance.now() + 10
        while (performance.now() < until);
      }
      const layer = FiberDispatcher.layer(Group, { concurrency: 64, capacity: 2 }).pipe(
        Layer.provide(Group.toLayer({ Busy: () => Effect.sync(spin) }))
      )
      yield* Effect.gen(function*() {
        const run = yield* Dispatcher.execute(Array.from({ length: 20 }, () => new Busy())).pipe(
          Stream.runDrain,
          Effect.forkChild
        )
        const waiting: Array<number> = []
        while (run.pollUnsafe() === undefined) {
          waiting.push((yield* Dispatcher.status).waiting)
          yield* turn
        }
        assert.isAtMost(Math.max(...waiting), 3)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("delivers a result that throws when it is looked at", () =>
    Effect.gen(function*() {
      class Lazy extends Task.Class<Lazy>()("Lazy", { success: Schema.Any }) {}
      const Group = TaskGroup.make(Lazy)
      const layer = FiberDispatcher.layer(Group).pipe(
        Layer.provide(Group.toLayer({
          Lazy: () =>
            Effect.succeed({
              get value(): number {
                throw new Error("looked at")
              }
            })
        }))
      )
      assert.strictEqual(
        (yield* Stream.runCollect(Dispatcher.execute([new Lazy(), new Lazy()])).pipe(Effect.provide(layer))).length,
        2
      )
    }))

  it.effect("continues after it received a value that cannot be printed", () =>
    Effect.gen(function*() {
      for (const item of [Object.create(null), undefined] as ReadonlyArray<Act>) {
        for (const source of [[item], Stream.make(item)]) {
          const exit = yield* Dispatcher.execute(source).pipe(Stream.runDrain, Effect.exit)
          assert(Exit.isFailure(exit))
          assert.include(Cause.pretty(exit.cause), "not a task")
        }
      }
      assert.strictEqual(yield* act("succeed", 1), 2)
    }).pipe(Effect.provide(fiber())))

  it.effect("the pause before a retry does not count as idle, also when later tasks were interrupted", () =>
    Effect.gen(function*() {
      const got: Array<number> = []
      const run = yield* Dispatcher.execute([act("fail", 1), act("die", 2), act("never")], {
        ordered: true,
        idleTimeout: "1 second",
        retry: { schedule: Schedule.spaced("1 minute"), times: 1, while: (failure) => failure.reason._tag === "Failed" }
      }).pipe(
        Stream.runForEach((n) => Effect.sync(() => got.push(n))),
        Effect.flip,
        Effect.forkChild
      )
      yield* untilEnded(run)
      const error = yield* Fiber.join(run)
      assert(error._tag === "TaskFailure")
      assert.strictEqual(error.task.n, 1)
      assert.strictEqual(error.attempt, 2)
    }).pipe(Effect.provide(fiber())))

  it.effect("reads options that are not given in code from the ConfigProvider", () =>
    Effect.gen(function*() {
      const seen = yield* Seen
      const run = yield* Dispatcher.execute(Array.from({ length: 9 }, () => act("sleep", 5))).pipe(
        Stream.runDrain,
        Effect.forkChild
      )
      yield* untilEnded(run)
      yield* Fiber.join(run)
      assert.strictEqual(seen.most, 3)
    }).pipe(
      Effect.provide(withHandlers(FiberDispatcher.layerConfig(Tasks))),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PAPYROS_FIBER_CONCURRENCY: "3" })))
    ))

  it.effect("prefers options that are given in code to the ConfigProvider", () =>
    Effect.gen(function*() {
      const { workers } = yield* Dispatcher.status
      assert.deepStrictEqual(workers.map(({ concurrency }) => concurrency), [2])
    }).pipe(
      Effect.provide(withHandlers(FiberDispatcher.layerConfig(Tasks, { concurrency: 2 }))),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PAPYROS_FIBER_CONCURRENCY: "3" })))
    ))

  it.effect.each([
    ["PAPYROS_FIBER_CONCURRENCY", "0"],
    ["PAPYROS_FIBER_CAPACITY", "many"],
    ["PAPYROS_FIBER_CODECS", "perhaps"]
  ])("fails with a ConfigError that names %s where it is invalid", ([name, value]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(withHandlers(FiberDispatcher.layerConfig(Tasks))))
      )
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, name)
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ [name]: value })))))
})
