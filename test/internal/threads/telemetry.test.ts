import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import * as Journal from "../../support/journal.ts"
import { pool, until } from "../../support/pool/pool.ts"
import { Chat, Measure, Nest, Print, Trace } from "../../support/pool/tasks.ts"
import { Tasks as Slots } from "./slots/tasks.ts"

const numbers = (length: number) => Array.from({ length }, (_, i) => i + 1)

/** Collects the text for the program's standard output, in place of writing it. */
const output = Effect.acquireRelease(
  Effect.sync(() => {
    const texts: Array<string> = []
    process.stdout.write = (text: string | Uint8Array, ...rest: ReadonlyArray<unknown>) => {
      texts.push(String(text))
      const done = rest.at(-1)
      if (typeof done === "function") queueMicrotask(() => done())
      return true
    }
    return texts
  }),
  // The method of its class is there again.
  () => Effect.sync(() => Reflect.deleteProperty(process.stdout, "write"))
)

describe("WorkerPoolDispatcher", () => {
  it.live("does to the metrics of the program what handlers do to theirs, before the task has its outcome", () =>
    Effect.gen(function*() {
      const registry: Metric.MetricRegistry = new Map()
      const inRegistry = Layer.succeed(Metric.MetricRegistry)(registry)
      yield* Dispatcher.execute(numbers(100).map((n) => new Measure({ n }))).pipe(
        Stream.runDrain,
        Effect.provide(Layer.provide(pool({ size: 2 }), inRegistry))
      )
      // The same metrics, updated here as the handlers did there.
      const states = new Map(
        (yield* Effect.provide(Metric.snapshot, inRegistry)).map(({ attributes, description, id, state }) =>
          [`${id} ${attributes?.parity ?? ""}`.trim(), { state, description }] as const
        )
      )
      const state = (key: string) => states.get(key)!.state
      assert.deepStrictEqual(states.get("pool_counter odd"), {
        state: { count: 2500, incremental: false },
        description: "counts"
      })
      assert.deepStrictEqual(state("pool_counter even"), { count: 2550, incremental: false })
      assert.deepStrictEqual(state("pool_incremental"), { count: 5050n, incremental: true })
      assert.deepStrictEqual(state("pool_active"), { value: 100 })
      assert.deepStrictEqual(state("pool_frequency"), {
        occurrences: new Map([["odd", 50], ["even", 50], ["never", 0]])
      })
      assert.deepStrictEqual(state("pool_histogram"), {
        buckets: [[10, 10], [20, 20], [40, 40]],
        count: 100,
        min: 1,
        max: 100,
        sum: 5050
      })
      assert.deepStrictEqual(state("pool_summary"), {
        quantiles: [[0.5, 50], [1, 100]],
        count: 100,
        min: 1,
        max: 100,
        sum: 5050
      })
      const { value } = state("pool_gauge") as Metric.GaugeState<number>
      assert.isAtLeast(value, 1)
    }))

  it.live("brings the spans of handlers to the tracer of the program", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const [caller, seen, failed] = yield* Effect.all([
        Effect.currentSpan,
        Dispatcher.run(new Trace({})),
        Effect.exit(Dispatcher.run(new Nest({})))
      ]).pipe(
        Effect.withSpan("caller"),
        Effect.tap(until(() => spans.length === 4)),
        Effect.provide(pool({ size: 1 }).pipe(Layer.provideMerge(Layer.succeed(Tracer.Tracer)(tracer))))
      )
      assert.isTrue(Exit.isFailure(failed))
      const byName = new Map(spans.map((span) => [span.name, span]))
      const task = byName.get("papyros.Trace")!
      const nest = byName.get("papyros.Nest")!
      const inner = byName.get("inner")!
      const parentOf = (span: Tracer.NativeSpan) => Option.getOrThrow(span.parent).spanId
      assert.strictEqual(seen.traceId, caller.traceId)
      assert.strictEqual(parentOf(task), caller.spanId)
      assert.strictEqual(parentOf(nest), caller.spanId)
      assert.strictEqual(parentOf(inner), nest.spanId)
      for (const span of [task, nest, inner]) assert.strictEqual(span.traceId, caller.traceId)
      assert.deepStrictEqual(Array.from(inner.attributes), [["answer", 42], ["what", "{\"a\":1}"]])
      assert.deepStrictEqual(nest.attributes.get("after"), true)
      assert.strictEqual(task.status._tag === "Ended" && Exit.isSuccess(task.status.exit), true)
      const { status } = inner
      if (status._tag !== "Ended" || !Exit.isFailure(status.exit)) return assert.fail("the inner span has not failed")
      assert.isTrue(status.endTime >= status.startTime)
      assert.match(Cause.pretty(status.exit.cause), /on purpose/)
    }))

  it.live("brings what handlers print to the output of the program, in order", () =>
    Effect.gen(function*() {
      const texts = yield* output
      const logged: Array<unknown> = []
      const logger = Logger.layer([
        Logger.make<unknown, void>(({ message }) => {
          logged.push(...(message as ReadonlyArray<unknown>))
          texts.push("logged\n")
        })
      ])
      yield* Dispatcher.run(new Print({ lines: 20 })).pipe(
        Effect.andThen(until(() => logged.length === 20)),
        Effect.provide(pool({ size: 1 }).pipe(Layer.provide(logger)))
      )
      const printed = texts.filter((text) => /^(line|logged)/.test(text))
      assert.deepStrictEqual(printed, numbers(20).flatMap((n) => [`line ${n - 1} é\n`, "logged\n"]))
    }))

  it.live("drops the oldest of what is logged while the program is busy, and says how much", () =>
    Effect.gen(function*() {
      const logged: Array<ReadonlyArray<unknown>> = []
      const logger = Logger.layer([
        Logger.make<unknown, void>(({ message }) => {
          logged.push(Array.isArray(message) ? message : [message])
        })
      ])
      const entries = 20_000
      const journal = yield* Journal.make
      yield* Effect.gen(function*() {
        const chat = yield* Effect.forkChild(Dispatcher.run(new Chat({ entries })))
        yield* until(() => logged.length > 0)
        // Nothing is heard of the thread before it has said all.
        while (!Journal.read(journal).some(({ what }) => what === "chatted"));
        yield* Fiber.join(chat)
        yield* until(() => logged.at(-1)?.[0] === "the last")
      }).pipe(
        Effect.provide(Layer.provide(pool({ size: 1, handlers: Journal.urlOf("./pool/handlers.ts", journal) }), logger))
      )
      const dropped = logged.flatMap(([text]) => /(\d+) entries were dropped/.exec(String(text))?.[1] ?? [])
      const said = logged.filter(([text]) => text === "entry").map(([, i]) => i as number)
      assert.isAbove(dropped.length, 0)
      assert.strictEqual(said.length + dropped.reduce((sum, count) => sum + Number(count), 0), entries)
      assert.deepStrictEqual(said, said.toSorted((a, b) => a - b))
      assert.strictEqual(said.at(-1), entries - 1)
    }))

  it.live("brings what finalizers of the handlers do, above the minimum log level of the program", () =>
    Effect.gen(function*() {
      for (const level of ["Debug", "Info"] as const) {
        const logged: Array<unknown> = []
        const ended: Array<string> = []
        const registry: Metric.MetricRegistry = new Map()
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            const end = span.end.bind(span)
            span.end = (...args) => {
              ended.push(options.name)
              end(...args)
            }
            return span
          }
        })
        const context = Layer.mergeAll(
          Logger.layer([Logger.make<unknown, void>(({ message }) => void logged.push(String(message)))]),
          Layer.succeed(Metric.MetricRegistry)(registry),
          Layer.succeed(Tracer.Tracer)(tracer),
          Layer.succeed(References.MinimumLogLevel)(level)
        )
        // A timer that was given 30 days would fire at once, and end the thread before its finalizer has run.
        const options = {
          handlers: new URL("./slots/telltale.ts", import.meta.url),
          size: 1,
          gracePeriod: "30 days" as const
        }
        yield* Layer.build(Layer.provide(WorkerPoolDispatcher.layer(Slots, options), context)).pipe(Effect.scoped)
        assert.deepStrictEqual(logged, level === "Debug" ? ["releases", "has released"] : ["has released"])
        assert.deepStrictEqual(ended, ["release"])
        const states = yield* Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry)
        assert.deepStrictEqual(states.map(({ id }) => id).filter((id) => id === "pool_released"), ["pool_released"])
      }
    }))
})
