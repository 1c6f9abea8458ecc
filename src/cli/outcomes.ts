/**
 * The outcomes of `papyros run` and `papyros replay` as lines of NDJSON.
 *
 * Must stay true: every task gets one line. A result that cannot be encoded becomes a failure of its task.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Dispatcher from "../Dispatcher.ts"
import { sanitizeJson } from "../internal/sanitize.ts"
import type * as Task from "../Task.ts"
import * as TaskFailure from "../TaskFailure.ts"
import { explain, type TaskJson } from "./json.ts"
import * as Stderr from "./stderr.ts"
import * as Stdout from "./stdout.ts"
import type { Counts } from "./summary.ts"

/** One outcome, as it is written: a result that cannot be encoded is a failure. */
export interface Outcome extends Dispatcher.TaskResult<Task.Any> {
  /** A line of NDJSON, without its newline. */
  readonly line: string
}

/** Encodes outcomes by the schemas of their task. */
export const encoder =
  (json: Pick<TaskJson, "encodeSuccess" | "encodeError">) => (outcome: Dispatcher.TaskResult<Task.Any>): Outcome => {
    const { index, result, task } = outcome
    if (Result.isFailure(result)) return failed(index, result.failure, json)
    const line = Result.flatMap(encode(json.encodeSuccess, result.success), (success) => stringify({ index, success }))
    if (Result.isSuccess(line)) return { ...outcome, line: line.success }
    const reason = new TaskFailure.Undecodable({ part: "success", message: line.failure })
    return failed(index, TaskFailure.make({ task, attempt: 1, worker: "local", trace: "", reason }), json)
  }

/** Without `json`, a typed error is left out. */
export const failed = (
  index: number,
  failure: TaskFailure.TaskFailure<Task.Any>,
  json?: Pick<TaskJson, "encodeError">
): Outcome => {
  const { attempt, message, reason, task, trace, worker } = failure
  const outcome = (line: string) => ({ index, task, result: Result.fail(failure), line })
  const fields = { reason: reason._tag, message, attempt, worker, trace }
  if (reason._tag !== "Failed" || json === undefined) return outcome(toLine({ index, failure: fields }))
  const line = Result.flatMap(
    encode(json.encodeError, reason.error),
    (error) => stringify({ index, failure: { ...fields, error } })
  )
  if (Result.isSuccess(line)) return outcome(line.success)
  const undecodable = new TaskFailure.Undecodable({ part: "error", message: line.failure })
  return failed(index, TaskFailure.make({ task, attempt, worker, trace, reason: undecodable }), json)
}

/** How long an interrupted command waits for the reader of its results. */
const FLUSH_TIMEOUT = "2 seconds"

/**
 * Writes outcomes to stdout, and counts them. Gives the error that ends them early, if there is one; all lines before it
 * are written then. `interrupted` runs at an interruption, after that.
 */
export const write = <E, R>(
  outcomes: Stream.Stream<Outcome, E, R>,
  counts: Pick<Counts, "succeeded" | "failed">,
  interrupted: Effect.Effect<void, never, Stdio.Stdio>
) =>
  Effect.gen(function*() {
    const stdio = yield* Stdio.Stdio
    const context = yield* Effect.context<R>()
    // An error of the stream would make stdout drop the text that is not written yet.
    let error: E | undefined
    const text = outcomes.pipe(
      Stream.mapArray((outcomes) => {
        let text = ""
        for (const { line, result } of outcomes) {
          if (Result.isSuccess(result)) counts.succeeded++
          else counts.failed++
          text += `${line}\n`
        }
        return Arr.of(text)
      }),
      Stream.catch((failed) => {
        error = failed
        return Stream.empty
      }),
      Stream.provideContext(context)
    )
    const writing = Effect.andThen(Stdout.write(stdio, text), Stdout.flush(stdio))
    yield* writing.pipe(
      Effect.onInterrupt(() =>
        Stdout.flush(stdio).pipe(
          Effect.interruptible,
          Effect.timeout(FLUSH_TIMEOUT),
          Effect.catch(() => Stderr.say("The reader of stdout took too long: the last lines are lost.")),
          Effect.andThen(interrupted)
        )
      ),
      Effect.catchTag("OutputError", Stdout.exitOf)
    )
    return error
  })

/** `undefined`, which only a schema that accepts any value encodes to, is written as `null`. */
const encode = (code: TaskJson["encodeSuccess"], value: unknown): Result.Result<unknown, string> => {
  const encoded = code(value)
  return encoded._tag === "Success"
    ? Result.succeed(encoded.value ?? null)
    : Result.fail(explain(encoded.cause))
}

/** Fails for cycles and bigints, which only a schema that accepts any value encodes to. */
const stringify = (value: object): Result.Result<string, string> =>
  Result.try({ try: () => toLine(value), catch: (error) => explain(Cause.die(error)) })

const toLine = (value: object): string => sanitizeJson(JSON.stringify(value))
