import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { fileURLToPath } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as Durable from "papyros/Durable"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as RoutedDispatcher from "papyros/RoutedDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { noop } from "papyros/testing"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import * as Processes from "./support/remote/processes.ts"
import { type Collector, collector, type Span, spansOf } from "./support/traces/collector.ts"
import handlers from "./support/traces/handlers.ts"
import { Nest, Step, Tasks } from "./support/traces/tasks.ts"

const handlersFile = new URL("./support/traces/handlers.ts", import.meta.url)

const fiber = FiberDispatcher.layer(Tasks).pipe(Layer.provide(handlers))

// ----------------------------------------------------------------------------
// Tracers
// ----------------------------------------------------------------------------

/** The tracer that exports to a collector. */
const exporter = (to: Collector) =>
  OtlpTracer.layer({ url: `${to.url}/v1/traces`, resource: { serviceName: "caller" } }).pipe(
    Layer.provide([FetchHttpClient.layer, OtlpSerialization.layerJson])
  )

/** A tracer that keeps its spans. */
const makeTracer = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const named = (name: string) => spans.filter((span) => span.name === name)
  const ended = (name: string) => {
    const found = named(name)
    assert.lengthOf(found, 1)
    if (found[0].status._tag !== "Ended") return assert.fail(`${name} has not ended`)
    return { span: found[0], exit: found[0].status.exit, attributes: Object.fromEntries(found[0].attributes) }
  }
  return { spans, named, ended, layer: Layer.succeed(Tracer.Tracer)(tracer) }
}

const parentOf = (span: Tracer.Span) => Option.getOrUndefined(Option.map(span.parent, ({ spanId }) => spanId))

const steps = (...numbers: ReadonlyArray<number>) => numbers.map((n) => new Step({ n }))

/** Executes tasks within a span. */
const called = (tasks: Iterable<Step | Nest>, options?: Dispatcher.ExecuteOptions<Step | Nest>) =>
  Effect.withSpan(Stream.runDrain(Dispatcher.results(tasks, options)), "caller")

/** Waits until the condition holds, for what another process or thread sends. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(10), until(condition)))

// ----------------------------------------------------------------------------
// At a collector
// ----------------------------------------------------------------------------

/** The names from the root of a trace to a span. */
const pathTo = (span: Span, spans: ReadonlyArray<Span>): string => {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)
  assert.strictEqual(parent === undefined, span.parentSpanId === undefined)
  if (parent !== undefined) assert.strictEqual(parent.traceId, span.traceId)
  return parent === undefined ? span.name : `${pathTo(parent, spans)}/${span.name}`
}

const pathsOf = (spans: ReadonlyArray<Span>) => spans.map((span) => pathTo(span, spans)).sort()

describe("Traces at an OTLP collector", () => {
  it.live("are one tree from the caller to the spans of handlers in threads, nested tasks included", () =>
    Effect.scoped(Effect.gen(function*() {
      const to = yield* collector
      yield* called([...steps(2, 3), new Nest({ steps: 2 })]).pipe(
        Effect.provide(WorkerPoolDispatcher.layer(Tasks, { handlers: handlersFile, size: 1, name: "steps" })),
        Effect.provide(exporter(to))
      )
      const spans = spansOf(to)
      assert.deepStrictEqual(pathsOf(spans), [
        "caller",
        "caller/papyros.execute",
        "caller/papyros.execute/papyros.Nest",
        "caller/papyros.execute/papyros.Nest/papyros.execute",
        "caller/papyros.execute/papyros.Nest/papyros.execute/papyros.Step",
        "caller/papyros.execute/papyros.Nest/papyros.execute/papyros.Step",
        "caller/papyros.execute/papyros.Nest/papyros.execute/papyros.Step/own",
        "caller/papyros.execute/papyros.Nest/papyros.execute/papyros.Step/own",
        "caller/papyros.execute/papyros.Step",
        "caller/papyros.execute/papyros.Step",
        "caller/papyros.execute/papyros.Step/own",
        "caller/papyros.execute/papyros.Step/own"
      ])
      const tasks = spans.filter(({ name }) => name === "papyros.Step" || name === "papyros.Nest")
      for (const { attributes } of tasks) {
        assert.include(attributes, {
          "papyros.dispatcher": "steps",
          "papyros.worker": "thread-1",
          "papyros.attempt": 1
        })
        assert.isAtLeast(Number(attributes["papyros.chunk.size"]), 1)
      }
      const executions = spans.filter(({ name }) => name === "papyros.execute").map(({ attributes }) => attributes)
      assert.sameDeepMembers(
        executions,
        [3, 2].map((count) => ({
          "papyros.tasks": count,
          "papyros.tasks.failed": count === 3 ? 1 : 0,
          "papyros.tasks.retried": 0,
          "papyros.spans.omitted": 0
        }))
      )
    })))

  it.live("are one tree from the caller to the spans of handlers in a worker process, which exports them itself", () =>
    Effect.scoped(Effect.gen(function*() {
      const to = yield* collector
      const { address } = yield* Processes.nameServer()
      const process = yield* Processes.worker(address, {
        handlers: fileURLToPath(handlersFile),
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: to.url, OTEL_BSP_SCHEDULE_DELAY: "20" }
      })
      const name = yield* process.wrote(/Worker (\S+) is registered/)
      yield* called(steps(2)).pipe(
        Effect.provide(RemoteDispatcher.layer(Tasks, { nameServer: address })),
        Effect.provide(exporter(to))
      )
      yield* until(() => spansOf(to).length >= 4)
      const spans = spansOf(to)
      assert.deepStrictEqual(pathsOf(spans), [
        "caller",
        "caller/papyros.execute",
        "caller/papyros.execute/papyros.Step",
        "caller/papyros.execute/papyros.Step/own"
      ])
      const task = spans.find((span) => span.name === "papyros.Step")
      assert.deepStrictEqual(task?.attributes, {
        "papyros.task": "Step",
        "papyros.attempt": 1,
        "papyros.chunk.size": 1,
        "papyros.dispatcher": "worker",
        "papyros.worker": `${name}/thread-1`
      })
    })))
})

// ----------------------------------------------------------------------------
// In the program
// ----------------------------------------------------------------------------

describe("The span of an execution", () => {
  it.effect("counts tasks, failures and retries, and ends when the work has stopped", () =>
    Effect.gen(function*() {
      const { ended, layer, named } = makeTracer()
      yield* called(steps(1, 2, 3, 4), { retry: { times: 2 } }).pipe(Effect.provide(fiber), Effect.provide(layer))
      const { attributes, exit, span } = ended("papyros.execute")
      assert.deepStrictEqual(attributes, {
        "papyros.tasks": 4,
        "papyros.tasks.failed": 2,
        "papyros.tasks.retried": 4,
        "papyros.spans.omitted": 0
      })
      assert.strictEqual(exit._tag, "Success")
      assert.lengthOf(named("papyros.Step"), 8)
      for (const task of named("papyros.Step")) assert.strictEqual(parentOf(task), span.spanId)
      assert.strictEqual(parentOf(span), named("caller")[0].spanId)
      assert.lengthOf(span.events, 0)
    }))

  it.effect("fails with the error of the stream, and is interrupted with it", () =>
    Effect.gen(function*() {
      const failing = makeTracer()
      const error = yield* Effect.withSpan(Stream.runDrain(Dispatcher.execute(steps(1))), "caller").pipe(
        Effect.provide(fiber),
        Effect.provide(failing.layer),
        Effect.flip
      )
      const failed = failing.ended("papyros.execute")
      assert.deepStrictEqual(
        failed.exit._tag === "Failure" &&
          failed.exit.cause.reasons.map((reason) => reason._tag === "Fail" && reason.error === error),
        [true]
      )

      const broken = makeTracer()
      yield* Effect.withSpan(Stream.runDrain(Dispatcher.execute(Stream.fail("no tasks"))), "caller").pipe(
        Effect.provide(fiber),
        Effect.provide(broken.layer),
        Effect.exit
      )
      assert.strictEqual(broken.ended("papyros.execute").exit._tag, "Failure")

      const stopped = makeTracer()
      const waits = yield* Deferred.make<void>()
      const fork = yield* Stream.fromEffect(Effect.andThen(Deferred.succeed(waits, undefined), Effect.never)).pipe(
        Dispatcher.execute(),
        Stream.runDrain,
        Effect.withSpan("caller"),
        Effect.provide(fiber),
        Effect.provide(stopped.layer),
        Effect.forkChild
      )
      yield* Deferred.await(waits)
      yield* Fiber.interrupt(fork)
      assert.strictEqual(stopped.ended("papyros.execute").exit._tag, "Failure")

      const taken = makeTracer()
      yield* Dispatcher.execute(steps(2, 4, 6)).pipe(
        Stream.take(1),
        Stream.runDrain,
        Effect.withSpan("caller"),
        Effect.provide(fiber),
        Effect.provide(taken.layer)
      )
      assert.strictEqual(taken.ended("papyros.execute").exit._tag, "Success")
    }))

  it.effect("ends if the execution cannot begin", () =>
    Effect.gen(function*() {
      const { ended, layer } = makeTracer()
      const exit = yield* called(steps(1), { chunkSize: -1 }).pipe(
        Effect.provide(fiber),
        Effect.provide(layer),
        Effect.exit
      )
      assert.strictEqual(exit._tag, "Failure")
      ended("papyros.execute")
    }))

  it.effect("is not made, nor any other, if the caller has no span or is not sampled", () =>
    Effect.gen(function*() {
      const { layer, spans } = makeTracer()
      const run = Stream.runDrain(Dispatcher.results(steps(1, 2, 3)))
      yield* run.pipe(Effect.provide(fiber), Effect.provide(layer))
      assert.deepStrictEqual(spans.map(({ name }) => name), ["own", "own", "own"])
      spans.length = 0
      yield* Effect.withSpan(run, "caller", { sampled: false }).pipe(Effect.provide(fiber), Effect.provide(layer))
      assert.deepStrictEqual(spans.filter(({ sampled }) => sampled), [])
      assert.deepStrictEqual(spans.map(({ name }) => name).filter((name) => name.startsWith("papyros")), [])
    }))

  it.effect("has an event for each failed task without a span: unknown, not decodable or from the store of a run", () =>
    Effect.gen(function*() {
      class Other extends Task.Class<Other>()("Other", {}) {}
      const { ended, layer } = makeTracer()
      const bad = Object.assign(new Step({ n: 2 }), { n: "two" })
      yield* Effect.withSpan(Stream.runDrain(Dispatcher.results([new Other(), bad, new Step({ n: 1 })])), "caller")
        .pipe(
          Effect.provide(FiberDispatcher.layer(Tasks, { codecs: true }).pipe(Layer.provide(handlers))),
          Effect.provide(layer)
        )
      const { attributes, span } = ended("papyros.execute")
      assert.include(attributes, { "papyros.tasks": 3, "papyros.tasks.failed": 3, "papyros.spans.omitted": 0 })
      assert.sameMembers(span.events.map(([, , attributes]) => attributes?.["exception.type"]), [
        "UnknownTask",
        "Undecodable"
      ])
      const [[name, , event]] = span.events
      assert.strictEqual(name, "exception")
      assert.include(String(event["exception.message"]), "Task ")

      const again = makeTracer()
      yield* Effect.gen(function*() {
        yield* Stream.runDrain(Durable.results(steps(1, 2), { run: "steps" }))
        yield* Effect.withSpan(Stream.runDrain(Durable.results(steps(1, 2), { run: "steps", rerun: "none" })), "caller")
          .pipe(Effect.provide(again.layer))
      }).pipe(Effect.provide([fiber, Durable.layerMemory]))
      const stored = again.ended("papyros.execute")
      assert.include(stored.attributes, { "papyros.tasks": 2, "papyros.tasks.failed": 1, "papyros.spans.omitted": 0 })
      assert.deepStrictEqual(stored.span.events.map(([, , attributes]) => attributes?.["papyros.task.index"]), [0])
    }))

  it.effect("is one over all dispatchers of a route, each of which bounds its own spans", () =>
    Effect.gen(function*() {
      class Other extends Task.Class<Other>()("Other", { payload: { n: Schema.Int } }) {}
      const Others = TaskGroup.make(Other)
      const { ended, layer, named } = makeTracer()
      const other = FiberDispatcher.layer(Others, { name: "others" }).pipe(
        Layer.provide(Others.toLayer({ Other: () => Effect.void }))
      )
      const two = Layer.succeed(Dispatcher.SpansPerSecond, 2)
      yield* Effect.withSpan(
        Stream.runDrain(Dispatcher.results([...steps(2, 4, 6), ...[1, 2, 3].map((n) => new Other({ n }))])),
        "caller"
      ).pipe(
        Effect.provide(RoutedDispatcher.layer([fiber, other]).pipe(Layer.provide(two))),
        Effect.provide(layer)
      )
      assert.include(ended("papyros.execute").attributes, { "papyros.tasks": 6, "papyros.spans.omitted": 2 })
      assert.lengthOf(named("papyros.Step"), 2)
      assert.deepStrictEqual(
        named("papyros.Other").map(({ attributes }) => attributes.get("papyros.dispatcher")),
        ["others", "others"]
      )
    }))
})

describe("The bound of spans", () => {
  /** How many spans of tasks and omitted ones 1,000 tasks make. */
  const spansWith = Effect.fnUntraced(function*(perSecond: number | undefined) {
    const { ended, layer, named } = makeTracer()
    const limit = perSecond === undefined ? Layer.empty : Layer.succeed(Dispatcher.SpansPerSecond, perSecond)
    yield* called(steps(...Array.from({ length: 1500 }, (_, i) => 2 * i))).pipe(
      Effect.provide(fiber.pipe(Layer.provide(limit))),
      Effect.provide(layer)
    )
    return [named("papyros.Step").length, ended("papyros.execute").attributes["papyros.spans.omitted"]]
  })

  it.effect("is 1,000 by default, none with Infinity, and any number", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* spansWith(undefined), [1000, 500])
      assert.deepStrictEqual(yield* spansWith(Infinity), [1500, 0])
      assert.deepStrictEqual(yield* spansWith(0), [0, 1500])
      assert.deepStrictEqual(yield* spansWith(0.5), [1, 1499])
      assert.strictEqual((yield* Effect.exit(spansWith(-1)))._tag, "Failure")
      assert.strictEqual((yield* Effect.exit(spansWith(NaN)))._tag, "Failure")
    }))

  it.effect("holds in each second, for executions and single tasks together", () =>
    Effect.gen(function*() {
      const { layer, named } = makeTracer()
      const made = () => named("papyros.Step").length
      yield* Effect.gen(function*() {
        const run = (count: number) => Effect.forEach(Array(count), () => new Step({ n: 2 }), { discard: true })
        yield* Effect.withSpan(run(10), "caller")
        assert.strictEqual(made(), 4)
        yield* TestClock.adjust("500 millis")
        yield* called(steps(...Array<number>(10).fill(2)))
        assert.strictEqual(made(), 6)
        yield* TestClock.adjust("1 hour")
        yield* called(steps(...Array<number>(10).fill(2)))
        assert.strictEqual(made(), 10)
      }).pipe(
        Effect.provide(fiber.pipe(Layer.provide(Layer.succeed(Dispatcher.SpansPerSecond, 4)))),
        Effect.provide(layer)
      )
    }))

  it.effect("makes no spans in handlers of omitted tasks, and 100 events of those that fail", () =>
    Effect.gen(function*() {
      const { ended, layer, named } = makeTracer()
      yield* called(steps(...Array.from({ length: 300 }, (_, i) => 2 * i + 1))).pipe(
        Effect.provide(fiber.pipe(Layer.provide(Layer.succeed(Dispatcher.SpansPerSecond, 50)))),
        Effect.provide(layer)
      )
      assert.strictEqual(named("own").filter(({ sampled }) => sampled).length, 50)
      const { attributes, span } = ended("papyros.execute")
      assert.include(attributes, { "papyros.tasks.failed": 300, "papyros.spans.omitted": 250 })
      assert.lengthOf(span.events, 100)
      for (const [, , event] of span.events) assert.strictEqual(event?.["exception.type"], "Failed")
    }))

  it.effect("holds for 100,000 tasks of a sampled caller", () =>
    Effect.gen(function*() {
      class Nothing extends Task.Class<Nothing>()("Nothing", {}) {}
      const Group = TaskGroup.make(Nothing)
      const { ended, layer, spans } = makeTracer()
      const count = 100_000
      const dispatchers = [
        FiberDispatcher.layer(Group).pipe(Layer.provide(Group.toLayer({ Nothing: () => Effect.void }))),
        noop(Group)
      ]
      for (const dispatcher of dispatchers) {
        spans.length = 0
        yield* Effect.withSpan(
          Stream.runDrain(Dispatcher.execute(Array.from({ length: count }, () => new Nothing()))),
          "caller"
        ).pipe(Effect.provide(dispatcher), Effect.provide(layer))
        assert.include(ended("papyros.execute").attributes, {
          "papyros.tasks": count,
          "papyros.spans.omitted": count - 1000
        })
        assert.isAtMost(spans.length, 1002)
      }
    }))
})
