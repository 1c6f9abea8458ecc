import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inflateRawSync } from "node:zlib"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Recording from "papyros/Recording"
import * as Report from "papyros/Report"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { logs } from "./support/remote/sockets.ts"

class Check extends Task.Class<Check>()("Check", {
  payload: { n: Schema.Int, secret: Schema.String },
  success: Schema.Int,
  error: Schema.String
}) {}

const handlers = TaskGroup.make(Check).toLayer({
  Check: ({ n }) => n % 10 === 3 ? Effect.fail("</script><script>alert(1)</script>") : Effect.succeed(n)
})

const checks = (count: number) => Array.from({ length: count }, (_, n) => new Check({ n, secret: "tell nobody" }))

/** Runs with a dispatcher of its own. */
const run = <A, E>(
  effect: Effect.Effect<A, E, Dispatcher.Dispatcher | FileSystem.FileSystem | NodeServices.NodeServices>
) =>
  effect.pipe(
    Effect.provide(FiberDispatcher.layer(TaskGroup.make(Check))),
    Effect.provide(handlers),
    Effect.provide(NodeServices.layer)
  )

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** The data inside a report. */
const dataOf = (html: string) => {
  const base64 = /<script type="application\/octet-stream" id="data">([A-Za-z0-9+/=]*)<\/script>/.exec(html)![1]
  const bytes = inflateRawSync(Buffer.from(base64, "base64"))
  return JSON.parse(bytes.subarray(4, 4 + bytes.readUInt32LE()).toString())
}

describe("Report", () => {
  it.live("is written when the stream ends, for its owner, with exact totals and no payloads", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const file = `${folder}/report.html`
      yield* fs.writeFileString(file, "an older report", { mode: 0o644 })
      const results = yield* Stream.fromIterable(checks(1000)).pipe(
        Dispatcher.results(),
        Report.track(file, { name: "checks <1>" }),
        Stream.runCollect
      )
      assert.lengthOf(results, 1000)
      assert.strictEqual((yield* fs.stat(file)).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["report.html"])
      const html = yield* fs.readFileString(file)
      assert.include(html, "<title>checks &#60;1&#62; · papyros</title>")
      assert.include(html, "connect-src 'none'")
      assert.notInclude(html, "alert(1)")
      assert.notMatch(html.replace(/<script.*?<\/script>/gs, ""), /https?:/)
      const data = dataOf(html)
      assert.strictEqual(data.snapshot.totals.succeeded, 900)
      assert.strictEqual(data.snapshot.totals.failed, 100)
      assert.lengthOf(data.failures, 100)
      assert.isTrue(data.failures.every(({ payload }: Recording.Failure) => payload === null))
      assert.include(data.footer, "contains no payloads")
    }))))

  it.live("has payloads if asked for", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* temporary}/report.html`
      yield* Stream.fromIterable(checks(10)).pipe(
        Dispatcher.results(),
        Report.track(file, { payloads: true }),
        Stream.runDrain
      )
      const { failures, footer } = dataOf(yield* fs.readFileString(file))
      assert.include(failures[0].payload, "tell nobody")
      assert.include(footer, "payloads of failed tasks")
    }))))

  it.live("is written when the stream fails or is interrupted", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const executed = (file: string) =>
        Stream.fromIterable(checks(10)).pipe(Dispatcher.execute(), Report.track(`${folder}/${file}`))
      const error = yield* Effect.flip(Stream.runDrain(executed("failed.html")))
      assert.strictEqual(error._tag, "TaskFailure")
      yield* Stream.concat(executed("taken.html"), Stream.never).pipe(Stream.take(2), Stream.runDrain)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), ["failed.html", "taken.html"])
      assert.isAbove(dataOf(yield* fs.readFileString(`${folder}/failed.html`)).snapshot.totals.failed, 0)
    }))))

  it.live("is whole when several streams write it at the same time", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const { layer, lines } = logs()
      const stream = Stream.fromIterable(checks(10)).pipe(Dispatcher.results(), Report.track(`${folder}/report.html`))
      yield* Effect.all(Array.from({ length: 8 }, () => Stream.runDrain(stream)), { concurrency: "unbounded" }).pipe(
        Effect.provide(layer)
      )
      assert.deepStrictEqual(lines, [])
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["report.html"])
      assert.isAbove(dataOf(yield* fs.readFileString(`${folder}/report.html`)).snapshot.totals.succeeded, 0)
    }))))

  it.live("that cannot be written is a warning, and costs no result", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { layer, lines } = logs()
      const results = yield* Stream.fromIterable(checks(10)).pipe(
        Dispatcher.results(),
        Report.track(`${yield* temporary}/missing/report.html`),
        Stream.runCollect,
        Effect.provide(layer)
      )
      assert.lengthOf(results, 10)
      assert.match(lines[0].text, /The report .*missing\/report\.html could not be written/)
    }))))

  it.live("is at most 2 MB, also with long failures", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const recording = yield* Recording.make({ payloads: true })
      // Not compressible.
      const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(3000))).toString("base64")
      yield* Stream.range(0, 2999).pipe(
        Stream.map((i) => new Check({ n: 10 * i + 3, secret: noise() })),
        Dispatcher.results(),
        Stream.runDrain
      )
      const html = yield* Report.toHtml(recording)
      assert.isAtMost(html.length, 2_000_000)
      assert.isNotEmpty(dataOf(html).failures)
    }))))

  it.live("is also a trace, with a row for each worker and slot", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const recording = yield* Recording.make()
      yield* Stream.fromIterable(checks(100)).pipe(Dispatcher.results({ chunkSize: 1 }), Stream.runDrain)
      const snapshot = yield* recording.snapshot
      const { traceEvents } = JSON.parse(Report.toTrace(snapshot))
      const rows = traceEvents.filter(({ ph }: any) => ph === "X")
      assert.strictEqual(rows.reduce((sum: number, { args }: any) => sum + args.tasks, 0), 100)
      assert.strictEqual(rows.reduce((sum: number, { args }: any) => sum + args.failed, 0), 10)
      const named = new Set(traceEvents.filter(({ name }: any) => name === "thread_name").map(({ tid }: any) => tid))
      assert.isTrue(rows.every(({ dur, tid, ts }: any) => named.has(tid) && ts >= 0 && dur >= 0))
      assert.lengthOf(traceEvents.filter(({ cat, ph }: any) => ph === "i" && cat === "failures"), 10)
    }))))
})
