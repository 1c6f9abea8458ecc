import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import * as Dispatcher from "papyros/Dispatcher"
import * as Thread from "papyros/Thread"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { startThread } from "../../../src/internal/threads/main/worker.ts"
import { SharedState } from "../../../src/internal/threads/protocol/sharedState.ts"
import { countThreads, handlers, pool } from "../../support/pool/pool.ts"
import { Add, Misbehave, Tasks } from "../../support/pool/tasks.ts"
import { written } from "../../support/pool/written.ts"
import { opensItself } from "./entries/thread.ts"

const entry = (name: string) => new URL(`./entries/${name}`, import.meta.url)

/** A thread with a module of this text. */
const threadOf = (text: string) => new Worker(new URL(`data:text/javascript,${text}`))

const unusable = [
  ["is not there", Effect.succeed(entry("nowhere.js")), /Cannot find module.*nowhere.js not found: was it left out/],
  [
    "is not there, compiled or not",
    Effect.succeed(entry("nowhere.mts")),
    /nowhere\.mts, nowhere\.mjs, nowhere\.js, nowhere\.cjs not found/
  ],
  [
    "has a URL that is no path",
    Effect.succeed(new URL("file:///100%.mts")),
    /URI malformed \(file:\/\/\/100%\.mts, 100%\.mjs, .* not found/
  ],
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

  it.live("may be made by a function", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      yield* Effect.gen(function*() {
        assert.include((yield* Effect.flip(Dispatcher.run(new Misbehave({ how: "exit" })))).message, "exited with code")
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      }).pipe(Effect.provide(pool({ thread: () => new Worker(entry("works.ts")), size: 1, maxWorkerLosses: 1 })))
      assert.strictEqual(threads.started, 2)
      assert.strictEqual(yield* threads.left, 0)
    }))

  it.live("is made again after its function has thrown", () =>
    Effect.gen(function*() {
      let calls = 0
      const thread = () => {
        if (++calls === 2) throw new Error("no thread")
        return new Worker(entry("works.ts"))
      }
      yield* Effect.gen(function*() {
        yield* Effect.flip(Dispatcher.run(new Misbehave({ how: "exit" })))
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      }).pipe(Effect.provide(pool({ thread, size: 1, maxWorkerLosses: 1 })))
      assert.strictEqual(calls, 3)
    }))

  const badFunctions = [
    ["throws", () => {
      throw new Error("no license")
    }, /no license/],
    ["returns no Worker", () => ({ postMessage: () => {}, terminate: () => {} }), /did not return a Worker/],
    ["starts a module that throws", () => threadOf("throw new Error('no license')"), /no license/],
    ["starts a module that does not call Thread.run", () => new Worker(handlers), /it did not call Thread\.run/],
    ["opens a pool of itself", opensItself, /it opens a pool of itself while it is loaded/]
  ] as const

  it.live.each(badFunctions)(
    "fails the Layer with HandlersError if its function %s",
    ([, thread, says]) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        const error = yield* Effect.flip(Effect.scoped(Layer.build(pool({ thread, size: 1 }))))
        assert.strictEqual(error._tag, "HandlersError")
        assert.strictEqual(error.url, "")
        assert.match(error.message, /^The module of the option thread cannot be used: /)
        assert.match(error.message, says)
        assert.strictEqual(yield* threads.left, 0)
      })
  )

  it("takes no limits of the heap beside a function", () => {
    const options = { thread: () => new Worker(entry("works.ts")), resourceLimits: { maxOldGenerationSizeMb: 64 } }
    const built = Effect.runSyncExit(Effect.scoped(Layer.build(WorkerPoolDispatcher.layer(Tasks, options))))
    assert.match(String(built), /give it to the Worker/)
  })

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

  /** The errors of a thread that starts with a module, up to its exit. */
  const errorsOf = (module: string, runTimeout?: number) => {
    const errors: Array<unknown> = []
    const data = {
      names: [],
      concurrency: 1,
      traced: false,
      relays: false,
      spanAttributes: { "papyros.dispatcher": "pool", "papyros.worker": "idle" },
      minimumLogLevel: "Info",
      shared: SharedState.make()
    } as const
    return Effect.callback<ReadonlyArray<string>>((resume) => {
      startThread("idle", { module: { url: module, source: module }, resourceLimits: undefined }, data, {
        message: () => {},
        unreadable: () => {},
        error: (error) => errors.push(error),
        exit: () => resume(Effect.succeed(errors.map(String)))
      }, runTimeout)
    })
  }

  it.live("is ended if it stays alive without a call of Thread.run", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* errorsOf("data:text/javascript,setInterval(() => {}, 1000)", 10), [
        "Error: it did not call Thread.run of papyros/Thread within 0.01 seconds"
      ])
    }))

  it.live("is not said to lack the call if an error ended its thread before", () =>
    Effect.gen(function*() {
      const [error, ...others] = yield* errorsOf(
        "data:text/javascript,setTimeout(() => { process.exitCode = 0; throw new Error('no license') })"
      )
      assert.match(error, /no license/)
      assert.deepStrictEqual(others, [])
    }))

  it.live("is ended if its papyros has another version of the protocol", () =>
    Effect.gen(function*() {
      const hello = "parentPort.postMessage([['hello', 999]]); parentPort.on('message', () => {})"
      assert.deepStrictEqual(
        yield* errorsOf(`data:text/javascript,import { parentPort } from "node:worker_threads"; ${hello}`),
        ["Error: its papyros has protocol 999 and the program has 1; build both together"]
      )
    }))

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
