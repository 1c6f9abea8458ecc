/**
 * How a task is kept: the JSON of its payload, result and failure by its schemas, and its fingerprint.
 *
 * Must stay true: a stored result decodes to a value equal to the one that was stored, for every schema whose JSON codec
 * does so.
 */
import * as Schema from "effect/Schema"
import * as TaskFailure from "../../TaskFailure.ts"
import { DurableError, Unencodable } from "../durableError.ts"
import { toCodecError } from "../encoding/codecError.ts"
import type { AnyCodec } from "../encoding/codecModel.ts"
import { fingerprint } from "../encoding/fingerprint.ts"
import { type JsonForm, jsonForm, noJsonForm, withoutJson } from "../encoding/jsonForm.ts"
import { stringify } from "../encoding/jsonText.ts"
import type * as Task from "../task.ts"

/** The JSON forms of one task class. Each function throws for a value that has none. */
export interface TaskForm {
  readonly fingerprint: string
  readonly payload: JsonForm
  readonly success: JsonForm
  /** A failure as its reason, attempt, worker and trace. */
  readonly encodeFailure: (failure: TaskFailure.TaskFailure<Task.Any>) => string
  readonly decodeFailure: (text: string, task: Task.Any) => TaskFailure.TaskFailure<Task.Any>
}

/** The form of a task class. Throws a `DurableError` if one of its schemas has no JSON form. */
export const make = (task: Task.AnyClass): TaskForm => {
  const { error, name, success } = task.prototype["~papyros/Task"]
  const formOf = (part: Unencodable["part"], schema: Schema.Constraint): JsonForm => {
    const without = withoutJson(schema.ast)
    if (without !== undefined) {
      throw new DurableError({ reason: new Unencodable({ task: name, part, message: noJsonForm(part, without) }) })
    }
    return jsonForm(schema as AnyCodec, stringify)
  }
  const errorForm = formOf("error", error)
  return {
    fingerprint: fingerprint(task),
    payload: formOf("payload", task),
    success: formOf("success", success),
    encodeFailure: ({ attempt, reason, trace, worker }) => {
      const rest = `"attempt":${attempt},"worker":${JSON.stringify(worker)},"trace":${JSON.stringify(trace)}`
      return reason._tag === "Failed"
        ? `{${rest},"error":${errorForm.encode(reason.error)}}`
        : `{${rest},"reason":${reasonForm.encode(reason)}}`
    },
    decodeFailure: (text, task) => {
      const { attempt, error, reason, trace, worker } = decodeStored(text)
      return TaskFailure.make({
        task,
        attempt,
        worker,
        trace,
        reason: reason === undefined
          ? new TaskFailure.Failed({ error: errorForm.decode(JSON.stringify(error)) })
          : reasonForm.decode(JSON.stringify(reason)) as TaskFailure.Reason<unknown>
      })
    }
  }
}

const decodeStored = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({
  attempt: Schema.Int,
  worker: Schema.String,
  trace: Schema.String,
  error: Schema.optional(Schema.Unknown),
  reason: Schema.optional(Schema.Unknown)
})))

/** Every reason but `Failed`, whose error is encoded by the schema of the task. */
const reasonForm = jsonForm(Schema.Union(TaskFailure.untypedReasons) as never, stringify)

/** A failure of the value that a handler gave, in the words of a boundary. */
export const undecodable = (part: "success" | "error", error: unknown): TaskFailure.Undecodable =>
  new TaskFailure.Undecodable({ part, message: toCodecError(error).message })
