import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as Journal from "../../support/journal.ts"
import { countThreads, handlers, pool, until } from "../../support/pool/pool.ts"
import { Add, Misbehave } from "../../support/pool/tasks.ts"
import { written } from "../../support/pool/written.ts"

const broken = (name: string) => Effect.succeed(new URL(`./broken/${name}`, import.meta.url))

const modules: ReadonlyArray<readonly [what: string, url: Effect.Effect<URL, never, Scope.Scope>, says: RegExp]> = [
  ["is not there", broken("nowhere.js"), /Cannot find module/],
  ["has a syntax error", written("syntax.mjs", "export default ("), /Unexpected end of input/],
  ["throws", written("throws.mjs", "throw new Error('no license')"), /no license/],
  ["has no default export", written("none.mjs", "export const a = 1"), /default export is not a Layer/],
  ["exports something else", written("other.mjs", "export default { Add: () => 1 }"), /default export is not a Layer/],
  ["has a Layer that fails", broken("failing.ts"), /no connection/],
  ["lacks handlers", broken("missing.ts"), /no handler for Wait, .*Trace/],
  ["opens a pool of itself", broken("opensItself.ts"), /it opens a pool of itself while it is loaded/],
  [
    "imports a program that opens a pool of it",
    broken("importsItsProgram.ts"),
    /it opens a pool of itself while it is/
  ],
  ["ends its thread", written("exits.mjs", "process.exit(3)"), /exited with code 3/]
]

describe("WorkerPoolDispatcher", () => {
  it.live.each(modules)(
    "fails with HandlersError if the handlers module %s",
    ([, module, says]) =>
      Effect.gen(function*() {
        const threads = yield* countThreads
        const url = yield* module
        const error = yield* Effect.flip(Effect.scoped(Layer.build(pool({ handlers: url }))))
        assert.strictEqual(error._tag, "HandlersError")
        assert.strictEqual(error.url, url.href)
        assert.match(error.message, says)
        assert.isTrue(error.message.startsWith(`The handlers module ${url.href} cannot be used: `))
        assert.strictEqual(yield* threads.left, 0)
        assert.isAtMost(threads.started, 4)
      })
  )

  it.live("takes the file that a build made of a .ts file, if only that is there", () =>
    Effect.gen(function*() {
      const ofModule = `export { default } from ${JSON.stringify(handlers.href)}`
      const ofScript = `module.exports = require(${JSON.stringify(fileURLToPath(handlers))}).default`
      for (
        const [source, compiled, text] of [
          ["handlers.ts", "handlers.js", ofModule],
          ["handlers.ts", "handlers.mjs", ofModule],
          ["handlers.ts", "handlers.cjs", ofScript],
          ["handlers.mts", "handlers.mjs", ofModule]
        ] as const
      ) {
        const sibling = yield* written(compiled, text)
        writeFileSync(new URL("package.json", sibling), `{ "type": "module" }`)
        const url = new URL(source, sibling)
        const sum = yield* Dispatcher.run(new Add({ n: 1 })).pipe(Effect.provide(pool({ handlers: url, size: 1 })))
        assert.strictEqual(sum, 2)
      }
    }))

  it.live("takes the URL as a string", () =>
    Effect.gen(function*() {
      const sum = yield* Dispatcher.run(new Add({ n: 1 })).pipe(
        Effect.provide(pool({ handlers: handlers.href, size: 1 }))
      )
      assert.strictEqual(sum, 2)
    }))

  it.live(
    "fails waiting tasks with NoWorker when no replacement can start, after a few tries",
    () =>
      Effect.gen(function*() {
        const journal = yield* Journal.make
        const threads = yield* countThreads
        const url = Journal.urlOf("../internal/threads/broken/loadsOnce.ts", journal)
        const tasks = [new Misbehave({ how: "exit" }), ...Array.from({ length: 10 }, (_, n) => new Add({ n }))]
        yield* Effect.gen(function*() {
          const results = yield* Stream.runCollect(Dispatcher.results(tasks, { chunkSize: 1, ordered: true }))
          for (const { result, task } of results) {
            if (Result.isSuccess(result)) continue
            const { reason } = result.failure
            assert.strictEqual(reason._tag, "NoWorker", String(task))
            if (reason._tag === "NoWorker") assert.match(String(reason.cause), /the second time is one too many/)
          }
          assert.isTrue(Result.isFailure(results[0].result))
        }).pipe(Effect.provide(pool({ handlers: url, size: 1 })))
        assert.isAtMost(threads.started, 8)
        for (const [tries, pause] of [0, 100, 200, 400].entries()) {
          assert.isAtLeast(threads.pauses[tries + 1], pause - 5, `before try ${tries + 1}`)
        }
      }),
    60_000
  )

  it.live("waits longer and longer for threads that end by themselves", () =>
    Effect.gen(function*() {
      const threads = yield* countThreads
      yield* Effect.gen(function*() {
        yield* until(() => threads.started === 5)
        // The tasks run as long as a thread lives.
        assert.strictEqual(yield* Dispatcher.run(new Add({ n: 1 })), 2)
      }).pipe(Effect.provide(pool({ handlers: new URL("./broken/mortal.ts", import.meta.url), size: 1 })))
      for (const [tries, pause] of [0, 100, 200, 400].entries()) {
        assert.isAtLeast(threads.pauses[tries + 1], pause - 5, `before try ${tries + 1}`)
      }
    }), 60_000)
})
