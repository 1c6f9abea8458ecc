/**
 * `papyros secret`: prints a new secret.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Secret from "../internal/remote/auth/secret.ts"

/** The command `papyros secret`. */
export const secret = Command.make("secret", {}, () =>
  Effect.gen(function*() {
    const stdio = yield* Stdio.Stdio
    const text = `${Redacted.value(yield* Secret.generate)}\n`
    yield* Effect.orDie(Stream.run(Stream.make(text), stdio.stdout()))
  })).pipe(
    Command.withShortDescription("Make a secret for name server, workers and clients"),
    Command.withDescription(
      "Prints 256 random bits. Give the name server, the workers and the clients the same secret, in a file that " +
        "only its owner can read (--secret-file) or in PAPYROS_SECRET. Processes without it are refused. Several secrets, " +
        "separated by white space, are all accepted, and the first is used to connect."
    ),
    Command.withExamples([{
      command: "(umask 077 && papyros secret > papyros.secret)",
      description: "To a file that only you can read"
    }])
  )
