/**
 * Runs a command that executes tasks, in the manner that its flags choose.
 *
 * Must stay true: an expected error is reported once, and leads to its exit code.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Option from "effect/Option"
import * as Progress from "../Progress.ts"
import { Exited, UNUSABLE, type Unusable } from "./exit.ts"
import * as LogFormat from "./logFormat.ts"
import * as Stderr from "./stderr.ts"
import * as Telemetry from "./telemetry.ts"

interface Config {
  readonly quiet: boolean
  readonly logFormat: Option.Option<LogFormat.LogFormat>
}

/** Runs the command in a scope of its own, with logs, metrics, traces and progress. */
export const executing = <R>(name: string, config: Config, command: Effect.Effect<void, Unusable | Exited, R>) =>
  command.pipe(
    Effect.scoped,
    Effect.catchTag("Unusable", ({ message }) => Effect.andThen(Stderr.say(message), new Exited({ code: UNUSABLE }))),
    Effect.provide(Telemetry.layer(`papyros ${name}`)),
    LogFormat.withFormat(config.logFormat),
    config.quiet ? Effect.provideService(Progress.Display, Progress.quiet) : identity
  )
