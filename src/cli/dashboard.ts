/**
 * The flags of the dashboard, and the dashboard of a command.
 *
 * Must stay true: a dashboard of a command has a token, because other users of the host can reach it. No argument, log
 * or environment of a child process holds the token; the URL on stderr does. Its modules are loaded only where the flag
 * is given.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import { randomBytes } from "node:crypto"
import type { ViewedRecording } from "../internal/recorder/recording.ts"
import { Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Stderr from "./stderr.ts"

const VARIABLE = "PAPYROS_DASHBOARD_TOKEN"

export const flags = {
  dashboard: Flags.value("dashboard", {
    about: "A page of the tasks, else none",
    metavar: "port",
    expected: "a port from 0 to 65535, as in 7428",
    parse: (text) => Option.filter(Flags.whole(0)(text), (port) => port <= 65_535)
  }),
  dashboardHost: Flags.value("dashboard-host", {
    about: "Its host, else 127.0.0.1",
    metavar: "address",
    expected: "an address or a host name",
    parse: Option.liftPredicate((text) => text !== "")
  }),
  showPayloads: Flags.toggle("show-payloads", "Show the payloads of failed tasks")
}

/** Removes the token from the environment of this process, and returns it. */
export const tokenOfEnvironment = (): Option.Option<Redacted.Redacted> => {
  const text = process.env[VARIABLE]
  delete process.env[VARIABLE]
  return text === undefined ? Option.none() : Option.some(Redacted.make(text, { label: VARIABLE }))
}

/** The token of the environment, which has lost it. `main.ts` takes it before the command starts. */
export const EnvironmentToken: Context.Reference<Option.Option<Redacted.Redacted>> = Context.Reference(
  "papyros/cli/EnvironmentToken",
  { defaultValue: tokenOfEnvironment }
)

interface Given {
  readonly dashboard: Option.Option<number>
  readonly dashboardHost: Option.Option<string>
}

/** Refuses `--dashboard-host` if no dashboard is served. */
export const check = ({ dashboard, dashboardHost }: Given): Effect.Effect<void, Unusable> =>
  Option.isSome(dashboard) || Option.isNone(dashboardHost) ? Effect.void : Effect.fail(
    new Unusable({
      message:
        "--dashboard-host or PAPYROS_DASHBOARD_HOST is given without a port of the dashboard: give --dashboard too."
    })
  )

/** Refuses `--show-payloads` if neither a dashboard nor a report shows them. */
export const checkPayloads = (
  { dashboard, report, showPayloads }: Pick<Given, "dashboard"> & {
    readonly report: Option.Option<string>
    readonly showPayloads: boolean
  }
): Effect.Effect<void, Unusable> =>
  Option.isSome(dashboard) || Option.isSome(report) || !showPayloads ? Effect.void : Effect.fail(
    new Unusable({
      message: "--show-payloads shows payloads on the dashboard and in the report: give --dashboard or --report too."
    })
  )

/** Serves the dashboard of a recording, and prints its URL, if the flag is given. */
export const serve = <R>(
  { dashboard, dashboardHost }: Given,
  recording: Effect.Effect<ViewedRecording, never, R>
): Effect.Effect<void, Unusable, R | Scope.Scope | Stdio.Stdio> =>
  Effect.gen(function*() {
    // Also without the flag: threads and child processes would inherit the variable.
    const own = yield* EnvironmentToken
    if (Option.isNone(dashboard)) return
    const { serve } = yield* Effect.promise(() => import("../internal/dashboard/serve.ts"))
    const url = yield* serve(yield* recording, {
      host: Option.getOrElse(dashboardHost, () => "127.0.0.1"),
      port: dashboard.value,
      token: Option.getOrElse(own, () => Redacted.make(randomBytes(24).toString("base64url"), { label: VARIABLE }))
    }).pipe(Effect.mapError(({ message }) => new Unusable({ message: `The dashboard could not start: ${message}` })))
    yield* Stderr.say(`Dashboard: ${url}`)
  })
