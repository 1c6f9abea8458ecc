/** Keeps one connection open while the scope is: opens it again whenever it is lost, for ever. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { sanitizeForLog } from "./sanitize.ts"

/** Milliseconds between attempts: doubles up to the longest. */
const FIRST_DELAY = 100
const LONGEST_DELAY = 1000

/**
 * The connection, as an Effect that waits for the attempt under way, and between two attempts fails as the
 * last one did. What is wrong is logged once.
 */
export const reconnecting = Effect.fnUntraced(function*<
  A extends { readonly closed: Effect.Effect<unknown> },
  E extends { readonly message: string }
>(open: Effect.Effect<A, E, Scope.Scope>): Effect.fn.Return<Effect.Effect<A, E>, never, Scope.Scope> {
  let attempt = Deferred.makeUnsafe<A, E>()
  let delay = FIRST_DELAY
  let logged: string | undefined

  const once = Effect.gen(function*() {
    if (Deferred.isDoneUnsafe(attempt)) attempt = Deferred.makeUnsafe()
    const result = yield* Effect.result(open).pipe(
      Effect.onExit((exit) => Exit.isFailure(exit) ? Deferred.failCause(attempt, exit.cause) : Effect.void)
    )
    if (result._tag === "Success") {
      delay = FIRST_DELAY
      logged = undefined
      yield* Deferred.succeed(attempt, result.success)
      yield* result.success.closed
      // What is asked from here on is not asked of the one that was lost.
      attempt = Deferred.makeUnsafe()
      return
    }
    const { message } = result.failure
    yield* Deferred.fail(attempt, result.failure)
    if (message !== logged) yield* Effect.logWarning(`${sanitizeForLog(message)}; trying again`)
    logged = message
  }).pipe(Effect.scoped)

  const wait = Effect.suspend(() => {
    const millis = delay
    delay = Math.min(2 * delay, LONGEST_DELAY)
    return Effect.sleep(millis)
  })

  yield* Effect.forkScoped(Effect.forever(Effect.andThen(once, wait)))
  return Effect.suspend(() => Deferred.await(attempt))
})
