/**
 * Runs a command that serves until it is told to end.
 *
 * Must stay true: SIGTERM and SIGINT are its success, so the exit code is 0.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import { Exited, UNUSABLE } from "./exit.ts"
import type { Unusable } from "./exit.ts"
import * as Stderr from "./stderr.ts"

/** Serves until SIGTERM or SIGINT, then closes the scope. */
export const serving = <R>(
  effect: Effect.Effect<unknown, Unusable, R>
): Effect.Effect<never, Exited, Exclude<R, Scope.Scope> | Stdio.Stdio> =>
  effect.pipe(
    Effect.andThen(Effect.never),
    Effect.scoped,
    Effect.onInterrupt(() => Effect.sync(() => process.exitCode = 0)),
    Effect.catchTag("Unusable", ({ message }) => Effect.andThen(Stderr.say(message), new Exited({ code: UNUSABLE })))
  )
