#!/usr/bin/env node
/** The command `papyros`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { fileURLToPath } from "node:url"
import { papyros, presenter } from "./cli/command.ts"
import { codeOf, INTERRUPTED, isReported } from "./cli/exit.ts"

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const version = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(fileURLToPath(new URL("../package.json", import.meta.url)))
  return (yield* Schema.decodeEffect(Package)(text)).version
}).pipe(Effect.orDie)

const main = Effect.flatMap(version, (version) => Command.run(papyros, { version })).pipe(
  Effect.provideServiceEffect(CliOutput.Presenter, presenter)
)

// A handler that cannot be interrupted must not keep somebody who insists.
process.once("SIGINT", () => process.on("SIGINT", () => process.exit(INTERRUPTED)))

main.pipe(
  Effect.provide(NodeServices.layer),
  // What the command says of errors it has said; the rest is a fault of its own, and stdout is for results.
  Effect.tapCause((cause) => isReported(cause) ? Effect.void : Effect.logError(cause)),
  Effect.provideService(Logger.LogToStderr, true),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      // A command that serves has said already that it succeeds by being ended.
      const code = Exit.isSuccess(exit) ? 0 : Number(process.exitCode ?? codeOf(exit.cause))
      // What a handlers module has left open must not keep the process; a help text that a pipe has not taken must.
      if (process.stdout.writableLength === 0) process.exit(code)
      process.exitCode = code
      onExit(code)
    }
  })
)
