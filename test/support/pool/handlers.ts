import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import { threadId } from "node:worker_threads"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import { append } from "../journal.ts"
import { Add, AddBy, type Misbehave, Tasks } from "./tasks.ts"

/** The file that starts are written to, if the URL of this module names one. */
const journal = new URL(import.meta.url).searchParams.get("journal")

const note = (what: string, id: number) => {
  if (journal !== null) append(journal, { what, id, thread: threadId })
}

const spin = (millis: number) => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

const counter = Metric.counter("pool_counter", { description: "counts" })
const incremental = Metric.counter("pool_incremental", { incremental: true, bigint: true })
const gauge = Metric.gauge("pool_gauge")
const active = Metric.gauge("pool_active")
const frequency = Metric.frequency("pool_frequency", { preregisteredWords: ["odd", "even", "never"] })
const histogram = Metric.histogram("pool_histogram", { boundaries: [10, 20, 40] })
const summary = Metric.summary("pool_summary", { maxAge: "1 minute", maxSize: 100, quantiles: [0.5, 1] })

const kept = Uint8Array.of(1, 2, 3)
const hoard: Array<Uint8Array> = []

const later = (f: () => void) => setTimeout(f, 1)

const fail = (): never => {
  throw new RangeError("on purpose")
}

const misbehave = ({ how }: Misbehave): Effect.Effect<unknown> => {
  switch (how) {
    case "exit":
      return process.exit(7)
    case "exitLater":
      return Effect.andThen(Effect.sleep(1), Effect.sync((): never => process.exit(7)))
    case "memory": {
      const all: Array<unknown> = []
      for (;;) all.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
    }
    case "throw":
      return fail()
    case "unclonable":
      return Effect.succeed(() => {})
    case "throwLater":
      later(fail)
      return Effect.never
    case "rejectLater":
      later(() => void Promise.reject(new RangeError("on purpose")))
      return Effect.never
    case "throwAfterwards":
      later(fail)
      return Effect.succeed(how)
    case "rejectAfterwards":
      later(() => void Promise.reject(new RangeError("on purpose")))
      return Effect.succeed(how)
  }
}

export default Tasks.toLayer(
  Effect.acquireRelease(
    Effect.sync(() => {
      note("built", 0)
      return Tasks.of({
        Add: ({ n }) => Effect.succeed(n + 1),
        Wait: ({ millis, n }) => Effect.as(Effect.sleep(millis), n + 1),
        Misbehave: misbehave,
        Spin: () => Effect.sync(() => spin(Infinity)),
        SpinOn: () =>
          Effect.sync(() => {
            note("spins", 0)
            spin(Infinity)
          }),
        Carry: () => Effect.void,
        Work: ({ id, millis, waits }) =>
          Effect.suspend(() => {
            note("start", id)
            if (waits === true) return Effect.as(Effect.sleep(millis), threadId)
            spin(millis)
            return Effect.succeed(threadId)
          }),
        Once: ({ exits, id }) =>
          Effect.sync(() => {
            note("start", id)
            return exits ? process.exit(7) : id
          }),
        Reverse: ({ bytes }) => Effect.sync(() => bytes.reverse()),
        AddBy: ({ depth, n }) =>
          Effect.orDie(Dispatcher.run<Add | AddBy>(depth === 0 ? new Add({ n }) : new AddBy({ n, depth: depth - 1 }))),
        Persist: ({ failures }) =>
          Effect.flatMap(
            Task.CurrentAttempt,
            (attempt) => attempt > failures ? Effect.succeed(attempt) : Effect.fail(attempt)
          ),
        Chat: ({ entries }) =>
          Effect.forEach(
            Array.from({ length: entries }, (_, i) => i),
            (i) => Effect.logInfo("entry", i, { of: entries }),
            { discard: true }
          ).pipe(
            Effect.andThen(Effect.logError("the last", Cause.fail("as it should"))),
            Effect.tap(Effect.sync(() => note("chatted", entries))),
            Effect.annotateLogs("chat", entries)
          ),
        Mirror: (task) => {
          const { _tag, ...fields } = { ...task }
          return task.id % 7 === 0 ? Effect.fail(task.leaves) : Effect.succeed(fields)
        },
        Measure: ({ n }) =>
          Effect.all([
            Metric.update(Metric.withAttributes(counter, { parity: n % 2 === 0 ? "even" : "odd" }), n),
            Metric.update(incremental, BigInt(n)),
            Metric.update(incremental, -1n),
            Metric.update(gauge, n),
            Metric.modify(active, 1),
            Metric.update(frequency, n % 2 === 0 ? "even" : "odd"),
            Metric.update(histogram, n),
            Metric.update(summary, n)
          ], { discard: true }),
        Nest: () =>
          Effect.fail("on purpose").pipe(
            Effect.withSpan("inner", { attributes: { answer: 42, what: { a: 1 } } }),
            Effect.tapError(() => Effect.annotateCurrentSpan("after", true))
          ),
        Print: ({ lines }) =>
          Effect.forEach(
            Array.from({ length: lines }, (_, i) => i),
            (i) => Effect.andThen(Console.log("line", i, "é"), Effect.logInfo(i)),
            { discard: true }
          ),
        Fill: ({ by, bytes, millis }) =>
          Effect.suspend(() => {
            spin(millis)
            if (by < 0) return Effect.fail(by)
            return by > 255 ? process.exit(7) : Effect.succeed(bytes.fill(by))
          }),
        Keep: () => Effect.succeed(kept),
        Hoard: ({ parts }) =>
          Effect.sync(() => {
            for (const bytes of parts.bytes) bytes[0]++
            hoard.push(...parts.bytes)
            return { kept: hoard, sizes: parts.bytes.map(({ buffer }) => buffer.byteLength) }
          }),
        Trace: () =>
          Effect.orDie(Effect.map(Effect.currentSpan, ({ name, parent, traceId }) => ({
            traceId,
            name,
            parent: Option.match(parent, { onNone: () => "", onSome: ({ spanId }) => spanId })
          })))
      })
    }),
    () => Effect.sync(() => note("ended", 0))
  )
)
