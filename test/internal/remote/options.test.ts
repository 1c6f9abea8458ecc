import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { secretOption } from "../../../src/internal/remote/options.ts"

const secret = Redacted.make("00112233445566778899aabbccddeeff")

/** Runs an effect with the global object of another runtime. */
const on = (runtime: string) => <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Object.defineProperty(globalThis, runtime, { configurable: true, value: {} })),
    () => effect,
    () => Effect.sync(() => Reflect.deleteProperty(globalThis, runtime))
  )

describe("the option secret of Remote", () => {
  it.effect("is refused where TLS has no pre-shared keys, with the runtime and the remedy, and without the secret", () =>
    Effect.gen(function*() {
      for (const runtime of ["Bun", "Deno"]) {
        const error = yield* secretOption(secret).pipe(on(runtime), Effect.flip)
        assert.strictEqual(error.reason._tag, "Unsupported")
        assert.strictEqual(
          error.message,
          `secret: ${runtime} has no TLS with pre-shared keys, by which Remote uses a secret. Run this process on Node, ` +
            "or run clients, workers and the name server without a secret on one host."
        )
        assert.isUndefined(yield* on(runtime)(secretOption(undefined)))
      }
    }))

  it.effect("is checked before a connection is made", () =>
    Effect.gen(function*() {
      const used = yield* secretOption(secret)
      assert.strictEqual(used && Redacted.value(used), Redacted.value(secret))
      const error = yield* Effect.flip(secretOption(Redacted.make("short")))
      assert.strictEqual(error.reason._tag, "Unauthorized")
    }))
})
