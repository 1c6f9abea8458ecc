import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Executor from "papyros/Executor"
import { Tasks } from "papyros/testing"
import * as RemoteExecutor from "../../../../src/internal/remote/client/executor.ts"
import type { Member } from "../../../../src/internal/remote/client/member.ts"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { RemoteError, Unreachable } from "../../../../src/internal/remote/transport/error.ts"

const gone = new RemoteError({ reason: new Unreachable({ address: "h", message: "gone" }) })

/** A dispatcher whose workers are as many as the latest view says. */
const open = Effect.fnUntraced(function*(connect: Member["connect"]) {
  const views = yield* Queue.make<Result.Result<number, RemoteError>>()
  const executor = RemoteExecutor.make({
    catalog: new TaskCatalog(Tasks.tasks),
    maxTaskBytes: 1024,
    noWorkerTimeout: 1000,
    members: Stream.map(
      Stream.fromQueue(views),
      Result.map((count) => Array.from({ length: count }, (_, port) => ({ address: `h:${port}`, connect })))
    )
  })
  yield* Effect.forkScoped(Layer.build(Executor.layer(Tasks, executor)), { startImmediately: true })
  return views
})

describe("the remote executor", () => {
  it.effect("opens at most 16 connections at a time", () =>
    Effect.gen(function*() {
      let started = 0
      const views = yield* open(
        Effect.suspend(() => {
          started++
          return Effect.never
        })
      )
      yield* Queue.offer(views, Result.succeed(40))
      yield* TestClock.adjust(60_000)
      assert.strictEqual(started, 16)
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("tries a worker again after a while, until the registry knows it no more", () =>
    Effect.gen(function*() {
      let attempts = 0
      const views = yield* open(
        Effect.suspend(() => {
          attempts++
          return Effect.fail(gone)
        })
      )
      yield* Queue.offer(views, Result.succeed(1))
      yield* TestClock.adjust(50)
      assert.strictEqual(attempts, 1)
      yield* TestClock.adjust(10_000)
      // The pauses are 50 to 100 ms at first, and 1 to 2 s at last.
      assert.isTrue(attempts >= 8 && attempts <= 15, `${attempts} attempts`)
      // A registry that does not answer changes nothing.
      yield* Queue.offer(views, Result.fail(gone))
      yield* TestClock.adjust(10_000)
      const before = attempts
      assert.isAbove(before, 12)
      yield* Queue.offer(views, Result.succeed(0))
      yield* TestClock.adjust(2000)
      assert.isAtMost(attempts, before + 1)
      const last = attempts
      yield* TestClock.adjust(60_000)
      assert.strictEqual(attempts, last)
      // Another process at its address.
      yield* Queue.offer(views, Result.succeed(1))
      yield* TestClock.adjust(50)
      assert.strictEqual(attempts, last + 1)
    }).pipe(Effect.provide(Logger.layer([]))))
})
