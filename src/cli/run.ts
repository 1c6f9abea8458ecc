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
import * as FileSystem from "effect/FileSystem"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../Dispatcher.ts"
import * as Durable from "../Durable.ts"
import { describe } from "../internal/describe.ts"
import * as Progress from "../Progress.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"
import * as Database from "./database.ts"
import { dispatchers } from "./dispatchers.ts"
import { Exited, SOME_FAILED, UNUSABLE, Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Handlers from "./handlers.ts"
import * as Json from "./json.ts"
import * as LogFormat from "./logFormat.ts"
import * as Metrics from "./metrics.ts"
import * as Outcomes from "./outcomes.ts"
import * as Payloads from "./payloads.ts"
import * as Remote from "./remoteFlags.ts"
import * as Stderr from "./stderr.ts"
import * as Stdout from "./stdout.ts"
import { nearest } from "./suggest.ts"
import * as Summary from "./summary.ts"

// ----------------------------------------------------------------------------
// The command line
// ----------------------------------------------------------------------------

const names = Array.from(dispatchers.keys())

const timeout = (name: string, about: string) =>
  Flags.value(name, {
    about,
    metavar: "duration",
    expected: "a duration such as 500ms, 30s or 5m",
    parse: Flags.duration
  })

const number = (name: string, min: number, about: string) =>
  Flags.value(name, { about, metavar: "n", expected: `a whole number of at least ${min}`, parse: Flags.whole(min) })

const config = {
  handlers: Argument.String("HANDLERS").pipe(
    Argument.withDescription("The handlers module: a path or file: URL; its default export is the Layer")
  ),
  task: Argument.String("TASK").pipe(Argument.withDescription("The name of the task")),
  input: Flags.value("input", {
    about: "The file of payloads, one JSON object per line, else stdin",
    metavar: "file",
    expected: "the path of a file",
    parse: Option.liftPredicate((text) => text !== "")
  }),
  dispatcher: Flags.value("dispatcher", {
    about: `Where tasks run: ${
      Array.from(dispatchers, ([name, { about }]) => `${name} (${about})`).join(", ")
    }; else fiber`,
    metavar: names.join("|"),
    expected: `one of ${names.join(", ")}`,
    parse: (name) => Option.fromUndefinedOr(dispatchers.get(name))
  }),
  ordered: Flags.toggle("ordered", "Write outcomes in the order of the input, not as tasks complete"),
  taskTimeout: timeout("task-timeout", "How long one attempt of a task may run"),
  idleTimeout: timeout("idle-timeout", "End the run when no task completes for this long"),
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
  durable: Database.durable,
  database: Database.database,
  group: Remote.group,
  nameServer: Remote.nameServer,
  secretFile: Remote.secretFile,
  secretGroupReadable: Remote.secretGroupReadable,
  quiet: Flags.toggle("quiet", "Write neither progress nor a summary to stderr"),
  logFormat: LogFormat.logFormat
}

type Config = Command.Command.Config.Infer<typeof config>

// ----------------------------------------------------------------------------
// Input and output
// ----------------------------------------------------------------------------

/** The largest file whose payloads are counted, to show how many are left: it is read twice. */
const MAX_COUNTED = 4n * 1024n ** 3n

interface Input {
  readonly name: string
  readonly bytes: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  /** The number of its payloads, if it can be counted before its end. */
  readonly total: Effect.Effect<number> | undefined
}

const openInput = Effect.fnUntraced(function*(file: Option.Option<string>) {
  if (Option.isNone(file)) {
    const stdio = yield* Stdio.Stdio
    return { name: "stdin", bytes: stdio.stdin, total: undefined } satisfies Input
  }
  const name = file.value
  const fs = yield* FileSystem.FileSystem
  const unusable = (why: string) => new Unusable({ message: `Cannot read ${name}: ${why}` })
  const info = yield* Effect.mapError(
    fs.stat(name),
    (error) => unusable(error.reason._tag === "NotFound" ? "there is no such file." : error.message)
  )
  if (info.type === "Directory") return yield* unusable("it is a directory.")
  const isCounted = info.type === "File" && info.size <= MAX_COUNTED
  const total = isCounted ? Payloads.count(fs.stream(name, { chunkSize: 1024 * 1024 })) : undefined
  return { name, bytes: fs.stream(name), total } satisfies Input
})

/** How long an interrupted run waits for the reader of its results. */
const FLUSH_TIMEOUT = "2 seconds"

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const findTask = (module: string, name: string, group: TaskGroup.Any): Effect.Effect<Task.AnyClass, Unusable> => {
  const task = group.tasks.get(name)
  if (task !== undefined) return Effect.succeed(task)
  const near = nearest(name, group.tasks.keys())
  const hint = near === undefined ? "" : ` Did you mean ${near}?`
  return Effect.fail(
    new Unusable({
      message: `${module} has no task named ${name}.${hint} Its tasks: ${Array.from(group.tasks.keys()).join(", ")}`
    })
  )
}

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

const execute = Effect.fnUntraced(function*(config: Config) {
  yield* Stderr.redirectConsole
  const stdio = yield* Stdio.Stdio
  // Before the handlers module is loaded, which could read the secret in the environment.
  const secret = yield* Remote.readSecret(config)
  const handlers = yield* Handlers.load(config.handlers)
  const task = yield* findTask(config.handlers, config.task, handlers.group)
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

  const counts: Summary.Counts = { read: 0, succeeded: 0, failed: 0, executed: undefined }
  const toResults = yield* resultsOf(config, counts)
  const clock = yield* Clock.Clock
  const started = clock.currentTimeMillisUnsafe()
  const elapsed = () => clock.currentTimeMillisUnsafe() - started
  const json = Json.make(task)
  const encode = Outcomes.encoder(json)
  const inFlight = new Payloads.InFlight()
  const results = Payloads.fromBytes(input.bytes, {
    name: config.task,
    json,
    input: input.name,
    inFlight,
    onRead: (tasks) => {
      counts.read += tasks
    }
  }).pipe(
    toResults,
    Stream.mapArray((results) =>
      Arr.map(results, (result) => {
        const outcome = encode(result)
        inFlight.written(result.index)
        if (outcome.succeeded) counts.succeeded++
        else counts.failed++
        return outcome
      })
    ),
    Progress.track({
      label: config.task,
      total: input.total,
      failed: (outcome: Outcomes.Outcome) => !outcome.succeeded
    }),
    Stream.mapArray((outcomes) => Arr.of(outcomes.map(({ line }) => `${line}\n`).join(""))),
    Stream.provideContext(context)
  )

  const summary = (interrupted: boolean) =>
    config.quiet ? Effect.void : Stderr.say(Summary.summary(config.task, counts, elapsed(), interrupted))

  const running = Effect.gen(function*() {
    // An error of the stream would make stdout drop the text that is not written yet.
    let failure: RunFailure | undefined
    yield* Stdout.write(
      stdio,
      Stream.catch(results, (error) => {
        failure = error
        return Stream.empty
      })
    )
    yield* Stdout.flush(stdio)
    return failure
  })
  const failure = yield* running.pipe(
    Effect.onInterrupt(() =>
      Stdout.flush(stdio).pipe(
        Effect.interruptible,
        Effect.timeout(FLUSH_TIMEOUT),
        Effect.catch(() => Stderr.say("The reader of stdout took too long: the last lines are lost.")),
        Effect.andThen(summary(true))
      )
    ),
    Effect.catchTag("OutputError", Stdout.exitOf)
  )
  if (failure !== undefined) yield* Stderr.say(explain(failure, input))
  yield* summary(false)
  if (failure !== undefined && unusable.has(failure._tag)) return yield* new Exited({ code: UNUSABLE })
  if (failure !== undefined || counts.failed > 0) return yield* new Exited({ code: SOME_FAILED })
})

/** An error that ends a run before the end of its input. */
type RunFailure =
  | Payloads.InputError
  | PlatformError.PlatformError
  | Dispatcher.DispatchTimeout
  | Dispatcher.DispatcherClosed
  | Durable.DurableError

/** Errors of the input or the database, not of tasks. */
const unusable: ReadonlySet<RunFailure["_tag"]> = new Set(["InputError", "PlatformError", "DurableError"])

const explain = (failure: RunFailure, input: Input): string =>
  failure._tag === "PlatformError" ? `Cannot read ${input.name}: ${failure.message}` : failure.message

/** The command `papyros run`. */
export const run = Command.make("run", config, (config) =>
  execute(config).pipe(
    Effect.scoped,
    Effect.catchTag("Unusable", ({ message }) => Effect.andThen(Stderr.say(message), new Exited({ code: UNUSABLE }))),
    Effect.provide(Metrics.layer),
    LogFormat.withFormat(config.logFormat),
    config.quiet ? Effect.provideService(Progress.Display, Progress.quiet) : identity
  )).pipe(
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
      }
    ])
  )
