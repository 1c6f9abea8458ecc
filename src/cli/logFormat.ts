/**
 * The format of the log that a command writes to stderr.
 *
 * Must stay true: every entry has its date. With `json` each entry is one line, a JSON object.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Flags from "./flags.ts"

export type LogFormat = "json" | "pretty"

export const logFormat = Flags.value<LogFormat>("log-format", {
  about: "The format of the log on stderr, else pretty",
  metavar: "json|pretty",
  expected: "json or pretty",
  parse: (text) => text === "json" || text === "pretty" ? Option.some(text) : Option.none()
})

export const isJson = (format: Option.Option<LogFormat>): boolean => Option.contains(format, "json")

/** Logs in the format. */
export const withFormat =
  (format: Option.Option<LogFormat>) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const logger = isJson(format)
      ? Logger.withConsoleError(Logger.formatJson)
      : Logger.consolePretty({
        colors: process.stderr.isTTY && process.env.NO_COLOR === undefined,
        formatDate: (date) => date.toISOString(),
        mode: "tty"
      })
    return Effect.provide(effect, Logger.layer([logger, Logger.tracerLogger]))
  }
