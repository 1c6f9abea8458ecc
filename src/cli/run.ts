/**
 * `papyros run`: executes the payloads of an NDJSON input as tasks of a handlers module, and writes one outcome per
 * line.
 *
 * Must stay true: input, tasks and outcomes stream, and nothing is read while nothing can be written, so that memory is
 * bounded for an input of any length. The lines before an invalid line are executed, and their outcomes written.
 */
import * as Arr from "effect/Array"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../Dispatcher.ts"
import * as Durable from "../Durable.ts"
import * as Failures from "../Failures.ts"
import { describe } from "../internal/describe.ts"
import { record, viewed } from "../internal/recorder/recording.ts"
import * as Progress from "../Progress.ts"
import type * as Recording from "../Recording.ts"
import type * as Task from "../Task.ts"
import * as Dashboard from "./dashboard.ts"
import * as Database from "./database.ts"
import { dispatchers } from "./dispatchers.ts"
import { ending } from "./ending.ts"
import { executing } from "./executing.ts"
import { Exited, SOME_FAILED, UNUSABLE, Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Handlers from "./handlers.ts"
import { type Input, openInput } from "./input.ts"
import * as Json from "./json.ts"
import * as Lines from "./lines.ts"
import * as LogFormat from "./logFormat.ts"
import * as Outcomes from "./outcomes.ts"
import * as Payloads from "./payloads.ts"
import { remedies } from "./remedies.ts"
import * as Remote from "./remoteFlags.ts"
import * as Stderr from "./stderr.ts"
import * as Summary from "./summary.ts"

// ----------------------------------------------------------------------------
// The command line
// ----------------------------------------------------------------------------

const names = Array.from(dispatchers.keys())

const number = (name: string, min: number, about: string) =>
  Flags.value(name, { about, metavar: "n", expected: `a whole number of at least ${min}`, parse: Flags.whole(min) })

const config = {
  handlers: Argument.String("HANDLERS").pipe(
    Argument.withDescription("The handlers module: a path or file: URL; its default export is the Layer")
  ),
  task: Argument.String("TASK").pipe(Argument.withDescription("The name of the task")),
  input: Flags.text(
    "input",
    "The file of payloads, one JSON object per line, else stdin",
    "file",
    "the path of a file"
  ),
  dispatcher: Flags.value("dispatcher", {
    about: `Where tasks run: ${
      Array.from(dispatchers, ([name, { about }]) => `${name} (${about})`).join(", ")
    }; else fiber`,
    metavar: names.join("|"),
    expected: `one of ${names.join(", ")}`,
    parse: (name) => Option.fromUndefinedOr(dispatchers.get(name))
  }),
  ordered: Flags.toggle("ordered", "Write outcomes in the order of the input, not as tasks complete"),
  taskTimeout: Flags.time("task-timeout", "How long one attempt of a task may run"),
  idleTimeout: Flags.time("idle-timeout", "End the run when no task completes for this long"),
  chunkSize: Flags.value<number | "auto">("chunk-size", {
    about: "Tasks in a chunk that is sent to a worker, or auto",
    metavar: "n",
    expected: "auto or a whole number of at least 1",
    parse: (text) => text === "auto" ? Option.some("auto") : Flags.whole(1)(text)
  }),
  retries: number("retries", 0, "How often a failed task is retried, without delay"),
  concurrency: number(
    "concurrency",
    1,
    "Concurrent tasks with fiber, else 16 per CPU; threads with pool, else one per CPU"
  ),
  failures: Flags.text(
    "failures",
    "Write failed tasks with their payloads to this new file, for papyros replay",
    "file",
    "the path of a file"
  ),
  durable: Database.durable,
  database: Database.database,
  group: Remote.group,
  nameServer: Remote.nameServer,
  secretFile: Remote.secretFile,
  secretGroupReadable: Remote.secretGroupReadable,
  ...Dashboard.flags,
  report: Flags.value("report", {
    about: "Write a report of the run to this file, as one HTML page",
    metavar: "file",
    expected: "the path of a file",
    parse: Option.liftPredicate((text) => text !== "")
  }),
  quiet: Flags.toggle("quiet", "Write neither progress nor a summary to stderr"),
  logFormat: LogFormat.logFormat
}

type Config = Command.Command.Config.Infer<typeof config>

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const executeOptions = (config: Config): Dispatcher.ExecuteOptions<Task.Any> => {
  const times = Option.getOrUndefined(config.retries)
  return {
    ordered: config.ordered,
    taskTimeout: Option.getOrUndefined<Duration.Duration>(config.taskTimeout),
    idleTimeout: Option.getOrUndefined<Duration.Duration>(config.idleTimeout),
    chunkSize: Option.getOrUndefined(config.chunkSize),
    retry: times === undefined ? undefined : { times }
  }
}

/** Executes tasks, and keeps their outcomes if the run has a name. */
const resultsOf = Effect.fnUntraced(function*(config: Config, counts: Summary.Counts) {
  const options = executeOptions(config)
  if (Option.isNone(config.durable)) return Dispatcher.results(options)
  const durable = Context.get(yield* Database.open(config.database), Durable.Durable)
  counts.executed = 0
  const append: Durable.Store["append"] = (run, owner, rows) =>
    Effect.tap(durable.store.append(run, owner, rows), (owned) =>
      Effect.sync(() => {
        if (owned) counts.executed! += rows.filter(({ state }) => state !== "claimed").length
      }))
  const counted = { ...durable, store: { ...durable.store, append } }
  const results = Durable.results({ ...options, run: config.durable.value })
  return <E>(tasks: Stream.Stream<Task.Any, E>) => Stream.provideService(results(tasks), Durable.Durable, counted)
})

const keepFailures = ({ failures }: Config) =>
<E, R>(
  outcomes: Stream.Stream<Outcomes.Outcome, E, R>
): Stream.Stream<Outcomes.Outcome, E | Failures.FailureFileError, R | FileSystem.FileSystem> =>
  Option.isNone(failures) ? outcomes : Failures.keep(failures.value)(outcomes)

/** Writes a report at the end, if the flag is given. Its modules are loaded only then. */
const reportTo = Effect.fnUntraced(function*<R>(
  { report }: Config,
  recording: Effect.Effect<Recording.Recording, never, R>
) {
  const write = Option.isNone(report)
    ? Effect.void
    : (yield* Effect.promise(() => import("../internal/dashboard/reportFile.ts")))
      .writeReport(report.value, viewed(yield* recording))
  return <A, E, R>(results: Stream.Stream<A, E, R>) => Stream.ensuring(results, write)
})

const execute = Effect.fnUntraced(function*(config: Config) {
  yield* Stderr.redirectConsole
  yield* Dashboard.check(config)
  yield* Dashboard.checkPayloads(config)
  // Before the handlers module is loaded, which could read the secret in the environment.
  const secret = yield* Remote.readSecret(config)
  const handlers = yield* Handlers.load(config.handlers)
  const task = yield* Handlers.find(handlers, config.task)
  const input = yield* openInput(config.input)
  const dispatcher = Option.getOrElse(config.dispatcher, () => dispatchers.get("fiber")!)
  const context = yield* dispatcher.layer({
    handlers: handlers.url,
    group: handlers.group,
    concurrency: Option.getOrUndefined(config.concurrency),
    remote: {
      workerGroup: Option.getOrUndefined(config.group),
      nameServer: Option.getOrUndefined(config.nameServer),
      secret
    }
  }).pipe(
    Layer.provide(Layer.succeedContext(handlers.context)),
    Layer.build,
    Effect.mapError((error) => new Unusable({ message: `The dispatcher could not start: ${describe(error)}` }))
  )

  // One for the page, the report and the lines at the end. It begins when it is first used.
  const recording = yield* Effect.cached(
    record(Context.get(context, Dispatcher.Dispatcher)[Dispatcher.ObservablesKey], {
      name: config.task,
      payloads: config.showPayloads,
      remedies
    })
  )
  if (!config.quiet) yield* recording
  yield* Dashboard.serve(config, Effect.map(recording, viewed))
  const counts: Summary.Counts = { read: 0, succeeded: 0, failed: 0, executed: undefined }
  const toResults = yield* resultsOf(config, counts)
  const clock = yield* Clock.Clock
  const started = clock.currentTimeMillisUnsafe()
  const elapsed = () => clock.currentTimeMillisUnsafe() - started
  const json = Json.make(task)
  const encode = Outcomes.encoder(json)
  const inFlight = new Lines.InFlight()
  const results = Payloads.fromBytes(input.bytes, {
    name: config.task,
    json,
    input: input.name,
    inFlight,
    onRead: () => {
      counts.read++
    }
  }).pipe(
    toResults,
    yield* reportTo(config, recording),
    Stream.mapArray((results) =>
      Arr.map(results, (result) => {
        inFlight.written(result.index)
        return encode(result)
      })
    ),
    keepFailures(config),
    Progress.track({ label: config.task, total: input.again && Payloads.count(input.again) }),
    Stream.provideContext(context)
  )

  const summary = (interrupted: boolean) =>
    config.quiet ? Effect.void : Stderr.say(Summary.summary(config.task, counts, elapsed(), interrupted))

  const failure = yield* Outcomes.write(results, counts, Effect.suspend(() => summary(true)))
  if (failure !== undefined) yield* Stderr.say(explain(failure, input))
  const ended = config.quiet ? undefined : yield* (yield* recording).summary
  yield* summary(false)
  if (ended !== undefined) yield* Effect.forEach(ending(ended), Stderr.say, { discard: true })
  if (failure !== undefined && unusable.has(failure._tag)) return yield* new Exited({ code: UNUSABLE })
  if (failure !== undefined || counts.failed > 0) return yield* new Exited({ code: SOME_FAILED })
})

/** An error that ends a run before the end of its input. */
type RunFailure =
  | Lines.InputError
  | PlatformError.PlatformError
  | Dispatcher.DispatchTimeout
  | Dispatcher.DispatcherClosed
  | Durable.DurableError
  | Failures.FailureFileError

/** Errors of the input, the database or the failure file, not of tasks. */
const unusable: ReadonlySet<RunFailure["_tag"]> = new Set([
  "InputError",
  "PlatformError",
  "DurableError",
  "FailureFileError"
])

const explain = (failure: RunFailure, input: Input): string => {
  if (failure._tag === "PlatformError") return `Cannot read ${input.name}: ${failure.message}`
  return failure._tag === "FailureFileError" ? `--failures: ${failure.message}` : failure.message
}

/** The command `papyros run`. */
export const run = Command.make("run", config, (config) => executing("run", config, execute(config))).pipe(
  Command.withShortDescription("Execute payloads from a file or stdin as tasks"),
  Command.withDescription(
    "Reads the payloads of a task as NDJSON (one JSON object a line, at most 64 MiB long), executes them, and " +
      "writes NDJSON to stdout: {\"index\":0,\"success\":…} or {\"index\":0,\"failure\":{\"reason\":…,\"message\":…," +
      "\"attempt\":…,\"worker\":…,\"trace\":…,\"error\":…}}. Each flag can be given by the variable in brackets. " +
      "Exit code: 0 if every task succeeded, 1 if some failed, 2 for invalid arguments or input (the lines before " +
      "an invalid line are executed), 130 if interrupted."
  ),
  Command.withExamples([
    {
      command: "papyros run ./handlers.ts Factorize --input numbers.ndjson > factors.ndjson",
      description: "Execute every line of a file"
    },
    {
      command: "seq 1000 | sed 's/.*/{\"n\":&}/' | papyros run ./handlers.ts Factorize --ordered",
      description: "Read from a pipe, write in the order of the input"
    },
    {
      command: "papyros run ./handlers.ts Fetch --input urls.ndjson --concurrency 64 --task-timeout 30s --retries 2",
      description: "Limit how long a task may run, and retry failed tasks"
    },
    {
      command: "papyros run ./handlers.ts Fetch --input urls.ndjson --durable nightly",
      description: "Keep outcomes: after an interruption, the same command executes the rest"
    },
    {
      command: "papyros run ./handlers.ts Fetch --input urls.ndjson --failures failed.ndjson",
      description: "Keep failed tasks with their payloads, to run them again with papyros replay"
    }
  ])
)
