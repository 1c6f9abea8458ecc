import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as RemoteWorker from "papyros/RemoteWorker"
import { handlersUrl, Tasks } from "papyros/testing"

describe("RemoteWorker", () => {
  it.live("an unusable option is a defect that names it", () =>
    Effect.gen(function*() {
      const failed = Effect.fnUntraced(function*(options: RemoteWorker.RemoteWorkerSettings) {
        const layer = RemoteWorker.layer(Tasks, { handlers: handlersUrl, ...options })
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
        assert(Exit.isFailure(exit) && !Cause.hasFails(exit.cause))
        return String(Cause.squash(exit.cause))
      })
      for (const port of [70_000, -1, 0.5, NaN]) {
        assert.strictEqual(
          yield* failed({ port }),
          `RangeError: port must be a whole number from 0 to 65535, got ${port}`
        )
      }
      assert.include(yield* failed({ advertise: "a b" }), "advertise must be host or host:port")
    }))
})
