/**
 * Runs the command `papyros` in this process, and ends the process with the exit code of the command.
 *
 * Must stay true: stdout carries results only, so all that the command reports goes to stderr. The secret, the database
 * and the token of the dashboard are taken from the environment before anything else reads it: a ConfigProvider that copied them would show them to
 * handlers.
 */
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
import * as DatabaseUrl from "../internal/durable/databaseUrl.ts"
import * as Secret from "../internal/remote/auth/secret.ts"
import { papyros, presenter } from "./command.ts"
import * as Dashboard from "./dashboard.ts"
import { EnvironmentDatabase } from "./database.ts"
import { codeOf, INTERRUPTED, isReported } from "./exit.ts"
import { EnvironmentSecret } from "./remoteFlags.ts"

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const version = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(fileURLToPath(new URL("../../package.json", import.meta.url)))
  return (yield* Schema.decodeEffect(Package)(text)).version
}).pipe(Effect.orDie)

const environmentSecret = Effect.runSyncExit(Secret.fromEnvironment)
const environmentDatabase = DatabaseUrl.fromEnvironment()
const environmentToken = Dashboard.tokenOfEnvironment()

const main = Effect.flatMap(version, (version) => Command.run(papyros, { version })).pipe(
  Effect.provideServiceEffect(CliOutput.Presenter, presenter),
  Effect.provideService(EnvironmentSecret, environmentSecret),
  Effect.provideService(EnvironmentDatabase, environmentDatabase),
  Effect.provideService(Dashboard.EnvironmentToken, environmentToken)
)

// A reader of stderr that goes away, as `tee` at Ctrl-C, must not end a process that drains.
process.stderr.on("error", () => {})

// The first SIGINT interrupts the command. A second one ends the process: a handler may be uninterruptible.
process.once("SIGINT", () => process.on("SIGINT", () => process.exit(INTERRUPTED)))

main.pipe(
  Effect.provide(NodeServices.layer),
  // The command has reported its expected errors. Any other cause is a defect of the command.
  Effect.tapCause((cause) => isReported(cause) ? Effect.void : Effect.logError(cause)),
  Effect.provideService(Logger.LogToStderr, true),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      // `serving` sets `process.exitCode`, because its commands succeed by being interrupted.
      const code = Exit.isSuccess(exit) ? 0 : Number(process.exitCode ?? codeOf(exit.cause))
      // `exit` ends handles that a handlers module left open, but drops output that a pipe has not taken yet.
      if (process.stdout.writableLength === 0) process.exit(code)
      process.exitCode = code
      onExit(code)
    }
  })
)
