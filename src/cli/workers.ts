import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { DEFAULT_PORT } from "../internal/remote/options.ts"
import * as Worker from "../RemoteWorker.ts"
import { Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Handlers from "./handlers.ts"
import * as Remote from "./remoteFlags.ts"
import { serving } from "./serving.ts"

const config = {
  handlers: Argument.String("HANDLERS").pipe(
    Argument.withDescription("The handlers module: a path or file: URL; its default export is the Layer")
  ),
  num: Flags.value("num", {
    about: "Worker threads, else one for each CPU",
    metavar: "n",
    expected: "a whole number of at least 1",
    parse: Flags.whole(1),
    alias: "n"
  }),
  concurrency: Flags.value("concurrency", {
    about: "Tasks at once in a thread, else 1",
    metavar: "n",
    expected: "a whole number of at least 1",
    parse: Flags.whole(1)
  }),
  group: Remote.group,
  nameServer: Remote.nameServer,
  host: Remote.host,
  port: Remote.port("The port, else any free one"),
  advertise: Flags.value("advertise", {
    about: "The host by which clients reach it, else --host",
    metavar: "host",
    expected: "an address or a host name",
    parse: Option.liftPredicate((text) => text !== "")
  }),
  drainTimeout: Flags.value("drain-timeout", {
    about: "How long its drain may take, else 30s",
    metavar: "duration",
    expected: "a duration, as in 500ms, 30s or 5m",
    parse: Flags.duration
  }),
  secretFile: Remote.secretFile
}

/** The command `papyros workers`. */
export const workers = Command.make("workers", config, (config) =>
  serving(Effect.gen(function*() {
    const secret = yield* Remote.readSecret(config.secretFile)
    // Its Layer is built to find out which tasks it has, and once more in every thread.
    const { group, url } = yield* Effect.scoped(Handlers.load(config.handlers))
    const worker = Worker.layer(group, {
      handlers: url,
      size: Option.getOrUndefined(config.num),
      concurrency: Option.getOrUndefined(config.concurrency),
      workerGroup: Option.getOrUndefined(config.group),
      nameServer: Option.getOrUndefined(config.nameServer),
      host: Option.getOrUndefined(config.host),
      port: Option.getOrUndefined(config.port),
      advertise: Option.getOrUndefined(config.advertise),
      drainTimeout: Option.getOrUndefined(config.drainTimeout),
      secret
    })
    yield* Effect.mapError(
      Layer.build(worker),
      (error) => error._tag === "RemoteError" ? Remote.cannotListen(error) : new Unusable({ message: error.message })
    )
  }))).pipe(
    Command.withShortDescription("Run tasks of clients on this host"),
    Command.withDescription(
      "A worker process: runs the tasks of its group's clients in worker threads. It waits for its name server, however " +
        "late that starts, and registers again whenever it has to. Told to end (SIGTERM or SIGINT) it takes nothing " +
        "more, gives back what has not started, waits for what runs, and ends with 0; told twice by SIGINT it ends at once."
    ),
    Command.withExamples([
      {
        command: "papyros workers ./handlers.ts",
        description: `For the name server on this machine (127.0.0.1:${DEFAULT_PORT}), a thread for each CPU`
      },
      {
        command: "papyros workers ./handlers.ts -n 8 --group images --name-server 10.0.0.1:7427 --host 10.0.0.2 " +
          "--secret-file papyros.secret",
        description: "Eight threads for another host's clients"
      }
    ])
  )
