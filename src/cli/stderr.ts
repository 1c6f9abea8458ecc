/**
 * Writes messages and the output of handlers to stderr.
 *
 * Must stay true: no control character of a message reaches a terminal, and a closed stderr does not end the command.
 */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as nodeConsole from "node:console"
import { sanitizeLines } from "../internal/sanitize.ts"

/** Writes to stderr. A failure to write is ignored. */
const write = (text: string): Effect.Effect<void, never, Stdio.Stdio> =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr())))

/** Writes a message. Parts of it may come from outside, so its control characters are escaped. */
export const say = (text: string): Effect.Effect<void, never, Stdio.Stdio> => write(`${sanitizeLines(text)}\n`)

/** While its scope is open, `console`, and with it Effect's loggers, print to stderr. */
export const redirectConsole = Effect.acquireRelease(
  Effect.sync(() => {
    const original = { ...console }
    Object.assign(console, new nodeConsole.Console({ stdout: process.stderr, stderr: process.stderr }))
    return original
  }),
  (original) => Effect.sync(() => Object.assign(console, original))
)
