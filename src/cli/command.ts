/**
 * The command `papyros` with its subcommands.
 *
 * Must stay true: stdout carries results only; errors of the arguments go to stderr.
 */
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as Stdio from "effect/Stdio"
import { durable } from "./durable.ts"
import { nameserver } from "./nameserver.ts"
import { replay } from "./replay.ts"
import { run } from "./run.ts"
import { runs } from "./runs.ts"
import { secret } from "./secret.ts"
import { status } from "./status.ts"
import * as Stderr from "./stderr.ts"
import { workers } from "./workers.ts"

/** The command `papyros`, with its subcommands. */
export const papyros = Command.make("papyros").pipe(
  Command.withDescription("Run typed tasks in this process, on worker threads or on other hosts"),
  Command.withSubcommands([run, replay, runs, durable, workers, nameserver, status, secret])
)

/**
 * Prints the errors of invalid arguments on stderr, and where to find help. The default presenter prints the whole
 * help, which moves the message off the screen.
 */
export const presenter = Effect.map(
  Effect.context<Stdio.Stdio>(),
  (context): CliOutput.Presenter => ({
    present: (event) => {
      if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
      const help = `${event.commandPath.join(" ")} --help`
      return Effect.provideContext(
        Stderr.say(`${event.errors.map((error) => error.message).join("\n")}\nSee ${help}`),
        context
      )
    }
  })
)
