/**
 * `papyros replay`: runs the tasks of a failure file again, one by one in this process, and writes one outcome per line.
 *
 * Must stay true: each failure that is chosen has one outcome, also if its payload was not written or does not decode any
 * more. The exit code is 0 only if all of them succeed.
 */
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../Dispatcher.ts"
import * as FailureLine from "../internal/failures/failureLine.ts"
import * as DummyDispatcher from "../layers/DummyDispatcher.ts"
import * as Progress from "../Progress.ts"
import * as Task from "../Task.ts"
import * as TaskFailure from "../TaskFailure.ts"
import type * as TaskGroup from "../TaskGroup.ts"
import { executing } from "./executing.ts"
import { Exited, SOME_FAILED, UNUSABLE, Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Handlers from "./handlers.ts"
import { type Input, openInput } from "./input.ts"
import * as Json from "./json.ts"
import * as Lines from "./lines.ts"
import * as LogFormat from "./logFormat.ts"
import * as Outcomes from "./outcomes.ts"
import * as Stderr from "./stderr.ts"
import * as Summary from "./summary.ts"

const REASONS: ReadonlyArray<string> = [
  "Failed",
  "Defect",
  "TimedOut",
  "WorkerLost",
  "Interrupted",
  "Undecodable",
  "UnknownTask",
  "NoWorker"
] satisfies ReadonlyArray<TaskFailure.Reason<unknown>["_tag"]>

/** Parses `3` and `3,17,42`. */
const numbers = (min: number) => (text: string): Option.Option<ReadonlySet<number>> =>
  Option.map(Option.all(text.split(",").map((part) => Flags.whole(min)(part.trim()))), (parts) => new Set(parts))

const config = {
  handlers: Argument.String("HANDLERS").pipe(
    Argument.withDescription("The handlers module: a path or file: URL; its default export is the Layer")
  ),
  file: Argument.String("FILE").pipe(
    Argument.withDescription("The failures: a file of papyros run --failures or of Failures.keep")
  ),
  only: Flags.value("only", {
    about: "Only the failures with these indexes",
    metavar: "index,…",
    expected: "indexes such as 3 or 3,17,42",
    parse: numbers(0)
  }),
  line: Flags.value("line", {
    about: "Only the failures in these lines of the file",
    metavar: "line,…",
    expected: "numbers of lines such as 3 or 3,17,42",
    parse: numbers(1)
  }),
  task: Flags.text("task", "Only the failures of this task", "name", "the name of a task"),
  reason: Flags.value("reason", {
    about: `Only the failures for this reason: ${REASONS.join(", ")}`,
    metavar: "reason",
    expected: `one of ${REASONS.join(", ")}`,
    parse: Option.liftPredicate((reason) => REASONS.includes(reason))
  }),
  taskTimeout: Flags.time(
    "task-timeout",
    "How long a task may run, the time in which a debugger has stopped it included"
  ),
  quiet: Flags.toggle("quiet", "Write neither progress nor a summary to stderr"),
  logFormat: LogFormat.logFormat
}

type Config = Command.Command.Config.Infer<typeof config>

/** Indexes or lines that a message names. */
const MAX_SHOWN = 10

/** The longest line, in MiB: a payload of `papyros run`, beside a typed error. */
const MAX_LINE = 256

// ----------------------------------------------------------------------------
// One failure
// ----------------------------------------------------------------------------

interface Failure extends FailureLine.Line {
  readonly index: number
  /** From 1. */
  readonly line: number
}

const parse = (json: unknown, index: number, line: number): Result.Result<Failure, string> => {
  const read = FailureLine.read(json)
  return read._tag === "Success"
    ? Result.succeed({ index, ...read.value, line })
    : Result.fail(`the line is not a failure: ${Lines.oneLine(Json.explain(read.cause))}`)
}

interface TaskCodec {
  readonly decode: (payload: unknown) => Task.Any
  readonly encode: (outcome: Dispatcher.TaskResult<Task.Any>) => Outcomes.Outcome
}

type Replayed = Effect.Effect<
  Outcomes.Outcome,
  Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed,
  Dispatcher.Dispatcher
>

/** Runs the tasks of failures again. */
const makeReplay = (group: TaskGroup.Any, taskTimeout: Duration.Duration | undefined) => {
  const codecs = new Map<string, TaskCodec>()
  const codecOf = (name: string): TaskCodec | undefined => {
    let codec = codecs.get(name)
    const task = group.tasks.get(name)
    if (codec === undefined && task !== undefined) {
      codec = { decode: FailureLine.payloadDecoder(task), encode: Outcomes.encoder(Json.make(task)) }
      codecs.set(name, codec)
    }
    return codec
  }

  return (line: Failure): Replayed => {
    const { index, payload, payloadError, task: name } = line
    const codec = codecOf(name)
    if (codec === undefined) return Effect.succeed(notRun(line, new TaskFailure.UnknownTask({ name })))
    if (payloadError !== undefined) return Effect.succeed(undecodable(line, `it is not in the file: ${payloadError}`))
    const task = Result.try({ try: () => codec.decode(payload), catch: (error) => Json.explain(Cause.die(error)) })
    if (Result.isFailure(task)) return Effect.succeed(undecodable(line, task.failure))
    return Effect.map(
      Stream.runHead(Dispatcher.results([task.success], { taskTimeout })),
      (outcome) => codec.encode({ ...Option.getOrThrow(outcome), index })
    )
  }
}

const undecodable = (line: Failure, message: string): Outcomes.Outcome =>
  notRun(line, new TaskFailure.Undecodable({ part: "payload", message }))

/** The failure of a task that cannot be made from its line. A task without a payload is in its place. */
const notRun = ({ index, task: name }: Failure, reason: TaskFailure.Reason<unknown>): Outcomes.Outcome => {
  class Unmade extends Task.Class<Unmade>()(name) {}
  const failure = TaskFailure.make({ task: new Unmade(), attempt: 1, worker: "local", trace: "", reason })
  return Outcomes.failed(index, failure)
}

// ----------------------------------------------------------------------------
// All of them
// ----------------------------------------------------------------------------

/** Whether the flags choose a failure. */
const chooses = (config: Config) => ({ index, line, reason, task }: Failure): boolean =>
  Option.match(config.only, { onNone: () => true, onSome: (only) => only.has(index) }) &&
  Option.match(config.line, { onNone: () => true, onSome: (lines) => lines.has(line) }) &&
  Option.getOrElse(config.task, () => task) === task &&
  (Option.isNone(config.reason) || config.reason.value === reason)

/** Fails before any task runs, if `--only` names an index of several failures: a file can be of several streams. */
const refuseAmbiguous = Effect.fnUntraced(function*(config: Config, { again, name }: Input) {
  if (Option.isNone(config.only) || Option.isSome(config.line) || again === undefined) return
  const lines = new Map<number, Array<number>>()
  yield* Lines.fromBytes(again, { input: name, maxLine: MAX_LINE, parse }).pipe(
    Stream.filter(chooses(config)),
    Stream.runForEach(({ index, line }) =>
      Effect.sync(() => {
        const of = lines.get(index)
        if (of === undefined) lines.set(index, [line])
        else of.push(line)
      })
    ),
    // A line that cannot be read is reported when the lines before it have run.
    Effect.ignore
  )
  for (const [index, of] of lines) {
    if (of.length < 2) continue
    return yield* new Unusable({
      message: `${name} has ${of.length} failures with the index ${index}, because it has those of several streams. ` +
        `They are in the lines ${listed(of)}: choose one with --line.`
    })
  }
})

const listed = (numbers: ReadonlyArray<number>): string => {
  const more = numbers.length > MAX_SHOWN ? `, and ${numbers.length - MAX_SHOWN} more` : ""
  return numbers.slice(0, MAX_SHOWN).join(", ") + more
}

const replayFile = Effect.fnUntraced(function*(config: Config) {
  yield* Stderr.redirectConsole
  const handlers = yield* Handlers.load(config.handlers)
  if (Option.isSome(config.task)) yield* Handlers.find(handlers, config.task.value)
  const input = yield* openInput(Option.some(config.file))
  yield* refuseAmbiguous(config, input)
  const context = yield* DummyDispatcher.layer(handlers.group).pipe(
    Layer.provide(Layer.succeedContext(handlers.context)),
    Layer.build
  )

  const counts: Summary.Counts = { read: 0, succeeded: 0, failed: 0, executed: undefined }
  const clock = yield* Clock.Clock
  const started = clock.currentTimeMillisUnsafe()
  const missing = new Set(Option.getOrElse(config.only, (): ReadonlySet<number> => new Set()))
  const missingLines = new Set(Option.getOrElse(config.line, (): ReadonlySet<number> => new Set()))
  let cut: number | undefined
  const isChosen = chooses(config)
  const outcomes = Lines.fromBytes(input.bytes, {
    input: input.name,
    maxLine: MAX_LINE,
    parse,
    onCut: (line) => {
      cut = line
    }
  }).pipe(
    Stream.filter((line) => {
      missing.delete(line.index)
      missingLines.delete(line.line)
      const chosen = isChosen(line)
      if (chosen) counts.read++
      return chosen
    }),
    Stream.mapEffect(makeReplay(handlers.group, Option.getOrUndefined(config.taskTimeout))),
    Progress.track({ label: "replay" }),
    Stream.provideContext(context)
  )
  const summary = (interrupted: boolean) =>
    config.quiet
      ? Effect.void
      : Stderr.say(Summary.summary("replay", counts, clock.currentTimeMillisUnsafe() - started, interrupted))

  const error = yield* Outcomes.write(outcomes, counts, Effect.suspend(() => summary(true)))
  if (error !== undefined) {
    yield* Stderr.say(error._tag === "PlatformError" ? `Cannot read ${input.name}: ${error.message}` : error.message)
  }
  if (cut !== undefined) {
    yield* Stderr.say(
      `${input.name}, line ${cut} has no end: the program ended while it wrote it. It was not replayed.`
    )
  }
  if (error === undefined && missing.size > 0) {
    yield* Stderr.say(`${input.name} has no failure with the index ${listed(Array.from(missing))}.`)
  }
  if (error === undefined && missingLines.size > 0) {
    yield* Stderr.say(`${input.name} has no failure in line ${listed(Array.from(missingLines))}.`)
  }
  const isNamed = Option.isSome(config.only) || Option.isSome(config.line)
  const noneChosen = error === undefined && missing.size + missingLines.size === 0 && isNamed && counts.read === 0
  if (noneChosen) {
    yield* Stderr.say(`${input.name} has no failure that all of the flags choose.`)
  }
  yield* summary(false)
  if (error !== undefined || missing.size + missingLines.size > 0 || noneChosen) {
    return yield* new Exited({ code: UNUSABLE })
  }
  if (counts.failed > 0 || (cut !== undefined && Option.isNone(config.only) && Option.isNone(config.line))) {
    return yield* new Exited({ code: SOME_FAILED })
  }
})

/** The command `papyros replay`. */
export const replay = Command.make("replay", config, (config) => executing("replay", config, replayFile(config))).pipe(
  Command.withShortDescription("Run the tasks of a failure file again"),
  Command.withDescription(
    "Runs the tasks of a failure file again, one by one in this process, and writes their outcomes to stdout as papyros " +
      "run does, with the indexes of the file. Side effects of the handlers happen again. Exit code: 0 if every task " +
      "succeeded, 1 if some failed, 2 for invalid arguments or an invalid file, 130 if interrupted."
  ),
  Command.withExamples([
    { command: "papyros replay ./handlers.ts failed.ndjson", description: "Run all failed tasks again" },
    {
      command: "node --inspect-brk node_modules/.bin/papyros replay ./handlers.ts failed.ndjson --only 17",
      description: "Run one failed task again in a debugger"
    },
    {
      command: "papyros runs failures nightly > failed.ndjson; papyros replay ./handlers.ts failed.ndjson",
      description: "Run the failed tasks of a durable run again, and change nothing in the run"
    }
  ])
)
