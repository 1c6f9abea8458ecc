import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { DEFAULT_PORT, secretOption } from "../internal/remote/options.ts"
import * as NameServer from "../internal/remote/registry/server.ts"
import { cannotListen } from "../internal/remote/transport/error.ts"
import * as Remote from "./remoteFlags.ts"
import { serving } from "./serving.ts"

const config = {
  host: Remote.host,
  port: Remote.port(`The port, else ${DEFAULT_PORT}; 0 for any free one`),
  secretFile: Remote.secretFile
}

/** The command `papyros nameserver`. */
export const nameserver = Command.make(
  "nameserver",
  config,
  ({ host, port, secretFile }) =>
    serving(
      Effect.gen(function*() {
        const secret = yield* secretOption(yield* Remote.readSecret(secretFile))
        const at = Option.getOrElse(host, () => "127.0.0.1")
        yield* NameServer.serve({ host: at, port: Option.getOrElse(port, () => DEFAULT_PORT), secret }).pipe(
          Effect.mapError(cannotListen(at))
        )
      }).pipe(
        Effect.catchTag("RemoteError", Remote.cannotListen)
      )
    )
).pipe(
  Command.withShortDescription("Serve the registry of workers"),
  Command.withDescription(
    "Knows which workers there are, group by group, and tells clients. It keeps nothing: when it is started again, " +
      "workers register again and nothing that runs is disturbed. Without a secret it serves this machine only. " +
      "Ends with 0 when it is told to (SIGTERM or SIGINT)."
  ),
  Command.withExamples([
    { command: "papyros nameserver", description: "For this machine" },
    {
      command: "papyros nameserver --host 10.0.0.1 --secret-file papyros.secret",
      description: "For all hosts that have the secret"
    }
  ])
)
