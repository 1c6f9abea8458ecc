/**
 * `papyros workers`: runs a worker process until it is told to end. The worker process is loaded on demand.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { record, viewed } from "../internal/recorder/recording.ts"
import * as Advertise from "../internal/remote/advertise.ts"
import { DEFAULT_PORT } from "../internal/remote/options.ts"
import * as Dashboard from "./dashboard.ts"
import { Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Handlers from "./handlers.ts"
import * as Remote from "./remoteFlags.ts"
import { flags, serving } from "./serving.ts"
import * as Telemetry from "./telemetry.ts"

const config = {
  handlers: Argument.String("HANDLERS").pipe(
    Argument.withDescription("The handlers module: a path or file: URL; its default export is the Layer")
  ),
  num: Flags.value("num", {
    about: "Worker threads, else one per CPU",
    metavar: "n",
    expected: "a whole number of at least 1",
    parse: Flags.whole(1),
    alias: "n"
  }),
  concurrency: Flags.value("concurrency", {
    about: "Concurrent tasks per thread, else 1",
    metavar: "n",
    expected: "a whole number of at least 1",
    parse: Flags.whole(1)
  }),
  group: Remote.group,
  nameServer: Remote.nameServer,
  host: Remote.host,
  port: Remote.port("The port, else any free port"),
  advertise: Flags.value("advertise", {
    about: "Where clients reach it, else --host",
    metavar: "host[:port]",
    expected: "host or host:port by which clients reach it, as in 10.0.0.2 or example.com:7000",
    parse: (text) => Option.as(Advertise.parse(text), text)
  }),
  drainTimeout: Flags.value("drain-timeout", {
    about: "Longest drain, else 30s",
    metavar: "duration",
    expected: "a duration, as in 500ms, 30s or 5m",
    parse: Flags.duration
  }),
  maxTaskBytes: Flags.value("max-task-bytes", {
    about: "Most bytes of a payload, else 8 MiB",
    variable: "PAPYROS_REMOTE_MAX_TASK_BYTES",
    metavar: "n",
    expected: "a whole number of at least 1",
    parse: Flags.whole(1)
  }),
  secretFile: Remote.secretFile,
  secretGroupReadable: Remote.secretGroupReadable,
  dashboard: Dashboard.flags.dashboard,
  dashboardHost: Dashboard.flags.dashboardHost,
  ...flags
}

/** The command `papyros workers`. */
export const workers = Command.make("workers", config, (config) =>
  serving(
    config,
    Effect.gen(function*() {
      yield* Dashboard.check(config)
      const RemoteWorker = yield* Effect.promise(() => import("../RemoteWorker.ts"))
      const secret = yield* Remote.readSecret(config)
      // This build only finds the tasks. Every thread builds the Layer again.
      const { group, url } = yield* Effect.scoped(Handlers.load(config.handlers))
      const { scheduler } = yield* RemoteWorker.start(group, {
        handlers: url,
        size: Option.getOrUndefined(config.num),
        concurrency: Option.getOrUndefined(config.concurrency),
        workerGroup: Option.getOrUndefined(config.group),
        nameServer: Option.getOrUndefined(config.nameServer),
        host: Option.getOrUndefined(config.host),
        port: Option.getOrUndefined(config.port),
        advertise: Option.getOrUndefined(config.advertise),
        drainTimeout: Option.getOrUndefined(config.drainTimeout),
        maxTaskBytes: Option.getOrUndefined(config.maxTaskBytes),
        secret
      }).pipe(
        Effect.mapError((error) =>
          error._tag === "RemoteError" ? Remote.cannotListen(error) : new Unusable({ message: error.message })
        )
      )
      yield* Dashboard.serve(config, Effect.map(record([scheduler], { name: "worker" }), viewed))
    })
  ).pipe(Effect.provide(Telemetry.layer()))).pipe(
    Command.withShortDescription("Run the tasks of clients on this host"),
    Command.withDescription(
      "Runs the tasks of its group's clients in worker threads, once its name server is there. On SIGTERM or SIGINT it " +
        "returns the tasks that have not started, waits for those that run, and exits with 0. A second SIGINT ends it."
    ),
    Command.withExamples([
      {
        command: "papyros workers ./handlers.ts",
        description: `For the name server on this machine (127.0.0.1:${DEFAULT_PORT}), one thread per CPU`
      },
      {
        command: "papyros workers ./handlers.ts -n 8 --group images --name-server 10.0.0.1:7427 --host 10.0.0.2 " +
          "--secret-file papyros.secret",
        description: "Eight threads, for clients on other hosts"
      }
    ])
  )
