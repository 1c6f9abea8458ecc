/**
 * One attempt of a call, with a time limit by the clock of the caller.
 *
 * Must stay true: neither the time limit nor an interruption waits for the call, because the engine may hold a call for
 * as long as a frozen runner holds its connection. An interruption that is not the caller's own, such as that of an
 * entity whose shard moves, is a failure.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Fails if the call fails in any way, or has not ended after `millis` milliseconds. */
export const attempt = <A>(call: Effect.Effect<A, unknown>, millis: number): Effect.Effect<A, "failed"> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<A, "failed">((resume) => {
      const fiber = Effect.runForkWith(context)(call)
      fiber.addObserver((exit) => resume(Exit.isSuccess(exit) ? Effect.succeed(exit.value) : failed))
      return Effect.sync(() => fiber.interruptUnsafe())
    })
  ).pipe(Effect.timeoutOrElse({ duration: millis, orElse: () => failed }))

const failed = Effect.fail("failed" as const)
