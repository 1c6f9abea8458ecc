/**
 * Runs a command that serves until it is told to end.
 *
 * Must stay true: SIGTERM and SIGINT are its success, so the exit code is 0. A reader of its output that goes away ends
 * neither the command nor its tasks.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import type * as Address from "../internal/address.ts"
import { Exited, UNUSABLE } from "./exit.ts"
import type { Unusable } from "./exit.ts"
import * as Health from "./health.ts"
import * as LogFormat from "./logFormat.ts"
import * as Stderr from "./stderr.ts"

/** The flags of a command that serves. */
export const flags = { health: Health.health, logFormat: LogFormat.logFormat }

/** Serves until SIGTERM or SIGINT, then closes the scope. Once the Effect has completed, the process is ready. */
export const serving = <R>(
  { health, logFormat }: {
    readonly health: Option.Option<Address.Address>
    readonly logFormat: Option.Option<LogFormat.LogFormat>
  },
  effect: Effect.Effect<unknown, Unusable, R>
): Effect.Effect<never, Exited, Exclude<R, Scope.Scope> | Stdio.Stdio> =>
  Effect.gen(function*() {
    // Handlers print to stdout. Errors of stderr are ignored for every command.
    process.stdout.on("error", () => {})
    const becomeReady = yield* Health.serve(health)
    yield* effect
    yield* becomeReady
    return yield* Effect.never
  }).pipe(
    Effect.scoped,
    Effect.onInterrupt(() => Effect.sync(() => process.exitCode = 0)),
    Effect.catchTag("Unusable", ({ message }) =>
      Effect.andThen(
        LogFormat.isJson(logFormat) ? Effect.logFatal(message) : Stderr.say(message),
        new Exited({ code: UNUSABLE })
      )),
    LogFormat.withFormat(logFormat)
  )
