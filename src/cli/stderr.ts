import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as nodeConsole from "node:console"

/** Writes to stderr. Nothing is lost to the program when nobody can read it. */
export const write = (text: string): Effect.Effect<void, never, Stdio.Stdio> =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr())))

/** Writes lines for people: messages of errors come from outside and must not move the cursor or change colours. */
export const say = (text: string): Effect.Effect<void, never, Stdio.Stdio> => write(`${printable(text)}\n`)

const printable = (text: string): string =>
  text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`
  )

/** Columns of the terminal behind stderr; `Terminal` knows those of stdout, which is mostly a pipe here. */
export const Columns: Context.Reference<Effect.Effect<number>> = Context.Reference("papyros/cli/Columns", {
  defaultValue: () => Effect.sync(() => process.stderr.columns || 80)
})

/**
 * While its scope is open, what handlers print through `console`, and so through Effect's loggers, goes to
 * stderr: stdout carries results and nothing else.
 */
export const redirectConsole = Effect.acquireRelease(
  Effect.sync(() => {
    const original = { ...console }
    Object.assign(console, new nodeConsole.Console({ stdout: process.stderr, stderr: process.stderr }))
    return original
  }),
  (original) => Effect.sync(() => Object.assign(console, original))
)
