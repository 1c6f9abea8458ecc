import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as Thread from "papyros/Thread"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { startWorker } from "../../../src/internal/threads/main/worker.ts"
import { SharedState } from "../../../src/internal/threads/protocol/sharedState.ts"
import { countThreads, handlers, pool } from "../../support/pool/pool.ts"
import { Add, Misbehave, Tasks } from "../../support/pool/tasks.ts"
import { written } from "../../support/pool/written.ts"

const entry = (name: string) => new URL(`./entries/${name}`, import.meta.url)

const unusable = [
  ["is not there", Effect.succeed(entry("nowhere.js")), /Cannot find module/],
  ["throws", written("throws.mjs", "throw new Error('no license')"), /no license/],
  ["throws null", written("null.mjs", "throw null"), /null/],
  ["throws an error with a cause", written("cause.mjs", "throw new Error('a', { cause: new Error('b') })"), /: a$/],
  ["throws a value that cannot be cloned", written("odd.mjs", "throw { no: () => 'license' }"), /no: \[Function: no\]/],
  ["calls Thread.run twice", Effect.succeed(entry("runsTwice.ts")), /Thread\.run was called before in this thread/],
  ["throws after its call of Thread.run", Effect.succeed(entry("throwsLate.ts")), /no license/],
  ["only exports the Layer", Effect.succeed(handlers), /it did not call Thread\.run/],
  ["runs a Layer that fails", Effect.succeed(entry("fails.ts")), /no connection/],
  ["runs a Layer that lacks handlers", Effect.succeed(entry("lacks.ts")), /no handler for Wait, .*Trace/],
  ["opens a pool of itself", Effect.succeed(entry("opensItself.ts")), /it opens a pool of itself while it is loaded/]
] as const

describe("the thread module of WorkerPoolDispatcher", () => {
  it.live("runs tasks", () =>
    Effect.gen(function*() {
      const sums = yield* Stream.runCollect(
        Dispatcher.execute(Array.from({ length: 1000 }, (_, n) => new Add({ n })), { ordered: true })
      )
      assert.deepStrictEqual(sums, Array.from({ length: 1000 }, (_, n) => n + 1))
    }).pipe(Effect.provide(pool({ thread: entry("works.ts") }))))

  it.live("starts the successors of lost threads", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      yield* Effect.gen(function*() {
        const failure = yield* Effect.flip(Dispatcher.run(new Misbehave({ how: "exit" })))
        assert.include(failure.message, "exited with code")
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      }).pipe(Effect.provide(pool({ thread: entry("works.ts"), size: 1, maxWorkerLosses: 1 })))
      assert.strictEqual(threads.started, 2)
    }))

  it.live("may be the compiled sibling of a .ts file that is not there", () =>
    Effect.gen(function*() {
      const compiled = yield* written("thread.js", `import ${JSON.stringify(entry("works.ts").href)}`)
      writeFileSync(new URL("package.json", compiled), `{ "type": "module" }`)
      const sum = yield* Dispatcher.run(new Add({ n: 1 })).pipe(
        Effect.provide(pool({ thread: new URL("thread.ts", compiled).href, size: 1 }))
      )
      assert.strictEqual(sum, 2)
    }))

  it.live.each(unusable)(
    "fails the Layer with HandlersError if it %s",
    ([, module, says]) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        const url = yield* module
        const error = yield* Effect.flip(Effect.scoped(Layer.build(pool({ thread: url, size: 1 }))))
        assert.strictEqual(error._tag, "HandlersError")
        assert.strictEqual(error.url, url.href)
        assert.match(error.message, says)
        assert.strictEqual(yield* threads.left, 0)
      })
  )

  it.live("is the main module in the arguments of its thread", () =>
    Effect.gen(function*() {
      const module = yield* written("a b.mjs", "throw new Error(process.argv[1])")
      const error = yield* Effect.flip(Effect.scoped(Layer.build(pool({ thread: module, size: 1 }))))
      assert.isTrue(error.message.endsWith(`: ${fileURLToPath(module)}`), error.message)
    }))

  it.live("is loaded after the modules of --import", () =>
    Effect.gen(function*() {
      const before = process.env.NODE_OPTIONS
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          process.env.NODE_OPTIONS = `${before ?? ""} --import=data:text/javascript,globalThis.loaded=1`
        ),
        () =>
          Effect.sync(() => {
            if (before === undefined) delete process.env.NODE_OPTIONS
            else process.env.NODE_OPTIONS = before
          })
      )
      const works = JSON.stringify(entry("works.ts").href)
      const module = yield* written("loaded.mjs", `if (!globalThis.loaded) throw new Error("alone"); import(${works})`)
      assert.strictEqual(yield* Effect.provide(Dispatcher.run(new Add({ n: 1 })), pool({ thread: module, size: 1 })), 2)
    }))

  /** A thread whose module stays alive without a call of `Thread.run`, and its errors. */
  const idle = (runTimeout?: number) => {
    const url = "data:text/javascript,setInterval(() => {}, 1000)"
    const data = {
      entry: url,
      module: url,
      loading: [],
      names: [],
      concurrency: 1,
      traced: false,
      minimumLogLevel: "Info",
      shared: SharedState.make()
    } as const
    const errors: Array<unknown> = []
    return { worker: startWorker(data, "idle", undefined, (error) => errors.push(error), runTimeout), errors }
  }

  it("is ended if it stays alive without a call of Thread.run", async () => {
    const { errors, worker } = idle(10)
    await once(worker, "exit")
    assert.deepStrictEqual(errors.map(String), [
      "Error: it did not call Thread.run of papyros/Thread within 0.01 seconds"
    ])
  })

  it("is not said to lack the call if an error ended its thread before", async () => {
    const { errors, worker } = idle()
    worker.emit("error", new Error("out of memory"))
    worker.emit("exit", 0)
    await worker.terminate()
    assert.deepStrictEqual(errors.map(String), ["Error: out of memory"])
  })

  it.live("is needed for Thread.run", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(pool({ handlers: entry("works.ts"), size: 1 }))))
      assert.match(error.message, /Thread\.run was called in a thread of a pool that was given handlers/)
    }))

  it("cannot be given beside a handlers module", () => {
    const both = { handlers, thread: entry("works.ts") } as unknown as WorkerPoolDispatcher.WorkerPoolOptions
    const built = Effect.runSyncExit(Effect.scoped(Layer.build(WorkerPoolDispatcher.layer(Tasks, both))))
    assert.match(String(built), /handlers and thread are both given/)
  })

  it("Thread.run throws outside of a thread of a pool", () => {
    assert.throws(() => Thread.run(Layer.empty), /called outside of a thread of WorkerPoolDispatcher/)
  })
})
