/**
 * `papyros nameserver`: serves the registry of workers until it is told to end. Its server is loaded on demand.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { DEFAULT_PORT, maxTaskBytesOption, secretOption } from "../internal/remote/options.ts"
import { cannotListen } from "../internal/remote/transport/error.ts"
import * as Dashboard from "./dashboard.ts"
import * as Remote from "./remoteFlags.ts"
import { flags, serving } from "./serving.ts"

const config = {
  host: Remote.host,
  port: Remote.port(`The port, else ${DEFAULT_PORT}; 0 for any free port`),
  secretFile: Remote.secretFile,
  secretGroupReadable: Remote.secretGroupReadable,
  dashboard: Dashboard.flags.dashboard,
  dashboardHost: Dashboard.flags.dashboardHost,
  ...flags
}

/** The command `papyros nameserver`. */
export const nameserver = Command.make(
  "nameserver",
  config,
  ({ host, port, ...config }) =>
    serving(
      config,
      Effect.gen(function*() {
        yield* Dashboard.check(config)
        const [NameServer, { watchWorkers }] = yield* Effect.promise(() =>
          Promise.all([
            import("../internal/remote/registry/server.ts"),
            import("../internal/remote/operator/watchWorkers.ts")
          ])
        )
        const secret = yield* secretOption(yield* Remote.readSecret(config))
        const address = Option.getOrElse(host, () => "127.0.0.1")
        const at = { host: address, port: Option.getOrElse(port, () => DEFAULT_PORT) }
        const { members } = yield* Effect.mapError(NameServer.serve({ ...at, secret }), cannotListen(at))
        yield* Dashboard.serve(
          config,
          watchWorkers({ members, secret, maxTaskBytes: maxTaskBytesOption(undefined), name: "name server" })
        )
      }).pipe(
        Effect.catchTag("RemoteError", Remote.cannotListen)
      )
    )
).pipe(
  Command.withShortDescription("Serve the registry of workers"),
  Command.withDescription(
    "Keeps the registry of workers, by group, and answers the questions of clients. It stores nothing: after a " +
      "restart workers register again, and running tasks are not disturbed. Without a secret it serves this machine " +
      "only. On SIGTERM or SIGINT it exits with 0."
  ),
  Command.withExamples([
    { command: "papyros nameserver", description: "For this machine" },
    {
      command: "papyros nameserver --host 10.0.0.1 --secret-file papyros.secret",
      description: "For every host that has the secret"
    }
  ])
)
