import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { PROTOCOL } from "../../../../src/internal/remote/protocol/messages.ts"
import { VERSION } from "../../../../src/internal/version.ts"
import { SimulatedRunner } from "../../../support/cluster/simulatedRunner.ts"

const start = Effect.gen(function*() {
  const runner = yield* Effect.acquireRelease(
    Effect.sync(() => new SimulatedRunner(1, () => {}, () => {})),
    (runner) => runner.leave
  )
  yield* runner.start(1)
  const { calls } = runner
  const { incarnation } = yield* calls.Hello({ protocol: PROTOCOL, version: VERSION })
  return { calls, incarnation }
})

const quietly = Effect.provide(Logger.layer([]))

describe("PolledSessions", () => {
  it.live("opens no session whose end came before its first poll", () =>
    Effect.gen(function*() {
      const { calls, incarnation } = yield* start
      const session = "session"
      yield* calls.Bye({ incarnation, session })
      const answer = yield* calls.Poll({ incarnation, session, seq: 1, maxTaskBytes: 1000 })
      assert.deepStrictEqual(answer, { incarnation, known: false })
      // The end of the test waits for all sessions.
    }).pipe(quietly))
})
