/**
 * The flags of all commands that connect to a name server, or listen.
 *
 * Must stay true: the secret never comes from an argument, which every user of the machine can read. A flag that is an
 * option of `RemoteDispatcher.layerConfig` has the same variable.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Address from "../internal/address.ts"
import { isGroup } from "../internal/remote/auth/identity.ts"
import * as Secret from "../internal/remote/auth/secret.ts"
import { DEFAULT_PORT } from "../internal/remote/options.ts"
import type { RemoteError } from "../internal/remote/transport/error.ts"
import { Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"

export const group = Flags.value("group", {
  about: "The worker group, else default",
  variable: "PAPYROS_REMOTE_WORKER_GROUP",
  metavar: "name",
  expected: "1 to 64 letters, digits, dots, underscores or hyphens",
  parse: Option.liftPredicate(isGroup)
})

export const nameServer = Flags.value("name-server", {
  about: `The name server, else 127.0.0.1:${DEFAULT_PORT}`,
  variable: "PAPYROS_REMOTE_NAME_SERVER",
  metavar: "host:port",
  expected: "host:port, as in 10.0.0.1:7427 or [::1]:7427",
  parse: (text) => Option.as(Address.parse(text), text)
})

export const secretFile = Flags.value("secret-file", {
  about: "The file of the secret, else PAPYROS_SECRET",
  metavar: "file",
  expected: "the path of a file",
  parse: Option.liftPredicate((text) => text !== "")
})

export const secretGroupReadable = Flags.toggle(
  "secret-group-readable",
  "Its group may read that file"
)

export const port = (about: string) =>
  Flags.value("port", {
    about,
    // Kubernetes sets PAPYROS_PORT to a URL in every pod, if there is a Service named papyros.
    variable: "PAPYROS_LISTEN_PORT",
    metavar: "n",
    expected: "a port from 0 to 65535",
    parse: (text) => Option.filter(Flags.whole(0)(text), (port) => port <= 65_535)
  })

export const host = Flags.value("host", {
  about: "Where to listen, else 127.0.0.1; others need a secret",
  metavar: "address",
  expected: "an address or a host name",
  parse: Option.liftPredicate((text) => text !== "")
})

/** The secret of the environment, which has lost it. `main.ts` takes it before the command starts. */
export const EnvironmentSecret: Context.Reference<Effect.Effect<Option.Option<Secret.Secret>, Secret.InvalidSecret>> =
  Context.Reference("papyros/cli/EnvironmentSecret", { defaultValue: () => Secret.fromEnvironment })

/** The secret of the file, else of the environment, which loses it; `undefined` without either. */
export const readSecret = (
  { secretFile: file, secretGroupReadable: groupReadable }: {
    readonly secretFile: Option.Option<string>
    readonly secretGroupReadable: boolean
  }
): Effect.Effect<Secret.Secret | undefined, Unusable, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    // Also if a file is named: threads and child processes would inherit the variable.
    const own = yield* Effect.mapError(yield* EnvironmentSecret, unusable(Secret.VARIABLE))
    const secret = Option.isNone(file)
      ? own
      : Option.some(
        yield* Effect.mapError(Secret.fromFile(file.value, { groupReadable }), unusable(`--secret-file ${file.value}`))
      )
    return Option.getOrUndefined(secret)
  })

const unusable = (where: string) => (error: Secret.InvalidSecret | PlatformError.PlatformError) =>
  new Unusable({ message: `${where}: ${error._tag === "PlatformError" ? whyNotRead(error) : error.message}` })

const whyNotRead = ({ message, reason }: PlatformError.PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "there is no such file. Make it with `umask 077 && papyros secret > FILE`."
    case "PermissionDenied":
      return "permission denied."
    default:
      return `it cannot be read: ${message}`
  }
}

/** Adds the remedy to the error of a port that cannot be opened. */
export const cannotListen = (error: RemoteError): Unusable =>
  new Unusable({ message: `${error.message}\nChoose another --host or --port.` })
