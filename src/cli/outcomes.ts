/**
 * The outcomes of `papyros run` as lines of NDJSON.
 *
 * Must stay true: every task gets one line. A result that cannot be encoded becomes a failure of its task.
 */
import * as Cause from "effect/Cause"
import * as Result from "effect/Result"
import type * as Dispatcher from "../Dispatcher.ts"
import type * as Task from "../Task.ts"
import * as TaskFailure from "../TaskFailure.ts"
import { explain, type TaskJson } from "./json.ts"

/** One outcome: a line of NDJSON, without its newline. */
export interface Outcome {
  readonly succeeded: boolean
  readonly line: string
}

/** Encodes outcomes by the schemas of their task. */
export const encoder = (json: TaskJson) => ({ index, result, task }: Dispatcher.TaskResult<Task.Any>): Outcome => {
  if (Result.isFailure(result)) return failed(index, result.failure, json)
  const line = Result.flatMap(encode(json.encodeSuccess, result.success), (success) => stringify({ index, success }))
  if (Result.isSuccess(line)) return { succeeded: true, line: line.success }
  const reason = new TaskFailure.Undecodable({ part: "success", message: line.failure })
  return failed(index, TaskFailure.make({ task, attempt: 1, worker: "local", trace: "", reason }), json)
}

const failed = (index: number, failure: TaskFailure.TaskFailure<Task.Any>, json: TaskJson): Outcome => {
  const { attempt, message, reason, trace, worker } = failure
  const fields = { reason: reason._tag, message, attempt, worker, trace }
  if (reason._tag !== "Failed") return { succeeded: false, line: toLine({ index, failure: fields }) }
  const line = Result.flatMap(
    encode(json.encodeError, reason.error),
    (error) => stringify({ index, failure: { ...fields, error } })
  )
  if (Result.isSuccess(line)) return { succeeded: false, line: line.success }
  const undecodable = new TaskFailure.Undecodable({ part: "error", message: line.failure })
  return failed(index, TaskFailure.make({ task: failure.task, attempt, worker, trace, reason: undecodable }), json)
}

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

/** JSON does not escape DEL and C1, which a terminal obeys. The escapes stay valid JSON. */
const toLine = (value: object): string =>
  // oxlint-disable-next-line no-control-regex
  JSON.stringify(value).replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)
