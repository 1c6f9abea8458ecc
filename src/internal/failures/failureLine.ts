/**
 * The failure of one task as a line of JSON, and back, so that it can be replayed.
 *
 * Must stay true: a payload decodes to an equal task, for every schema whose JSON codec does so. A payload or an error
 * that has no JSON form is left out, and nothing else of the line is. No value of a `Redacted` is written.
 */
import * as Schema from "effect/Schema"
import type { TaskFailure } from "../../TaskFailure.ts"
import { toCodecError } from "../encoding/codecError.ts"
import type { AnyCodec } from "../encoding/codecModel.ts"
import { type JsonForm, jsonForm, noJsonForm, withoutJson } from "../encoding/jsonForm.ts"
import { stringifyInOrder } from "../encoding/jsonText.ts"
import { sanitizeJson } from "../sanitize.ts"
import * as Task from "../task.ts"
import { withoutRedacted } from "./redaction.ts"

/** Characters of a trace and of a message. */
const MAX_TRACE = 8 * 1024
const MAX_MESSAGE = 1024

const cut = (text: string, max: number): string => text.length > max ? `${text.slice(0, max)}…` : text

// ----------------------------------------------------------------------------
// Writing
// ----------------------------------------------------------------------------

/** The JSON of a value, or why it has none. */
type Written = { readonly json: string } | { readonly why: string }

interface Forms {
  readonly payload: (task: Task.Any) => Written
  readonly error: (error: unknown) => Written
}

/** Writes failures as lines, each with its newline. */
export class LineWriter {
  /** By the definitions of classes of tasks. */
  private readonly forms = new Map<unknown, Forms>()

  /** `at`: milliseconds since 1970. Never throws. */
  write(index: number, failure: TaskFailure<Task.Any>, at: number): string {
    const forms = this.formsOf(failure.task)
    const { reason } = failure
    const payload = forms.payload(failure.task)
    const error = reason._tag === "Failed" ? forms.error(reason.error) : undefined
    try {
      return toLine(index, failure, at, payload, error)
    } catch (error) {
      // The text of both is longer than a string can be.
      return toLine(index, failure, at, { why: toCodecError(error).message }, undefined)
    }
  }

  private formsOf(task: Task.Any): Forms {
    const definition = task["~papyros/Task"]
    let forms = this.forms.get(definition)
    if (forms === undefined) {
      const payload = writer("payload", Object.getPrototypeOf(task).constructor as AnyCodec)
      forms = {
        payload: Task.movesPayload(definition.transfer)
          ? (task) => hasMoved(task) ? { why: "its bytes were moved to a worker" } : payload(task)
          : payload,
        error: writer("error", definition.error as AnyCodec)
      }
      this.forms.set(definition, forms)
    }
    return forms
  }
}

const toLine = (
  index: number,
  { attempt, message, reason, task, trace, worker }: TaskFailure<Task.Any>,
  at: number,
  payload: Written,
  error: Written | undefined
): string => {
  const fields = [
    `"index":${index}`,
    `"task":${JSON.stringify(task._tag)}`,
    "json" in payload ? `"payload":${payload.json}` : `"payloadError":${JSON.stringify(payload.why)}`,
    `"reason":${JSON.stringify(reason._tag)}`,
    `"message":${JSON.stringify(cut(message, MAX_MESSAGE))}`,
    `"attempt":${attempt}`,
    `"worker":${JSON.stringify(worker)}`,
    `"trace":${JSON.stringify(cut(trace, MAX_TRACE))}`
  ]
  if (error !== undefined && "json" in error) fields.push(`"error":${error.json}`)
  fields.push(`"at":"${new Date(at).toISOString()}"`)
  return sanitizeJson(`{${fields.join(",")}}\n`)
}

const writer = (part: string, schema: AnyCodec): (value: unknown) => Written => {
  let form: JsonForm
  try {
    const without = withoutJson(schema.ast)
    if (without !== undefined) {
      const why = noJsonForm(part, without)
      return () => ({ why })
    }
    form = jsonForm(withoutRedacted(schema), stringifyInOrder)
  } catch (error) {
    const why = toCodecError(error).message
    return () => ({ why })
  }
  return (value) => {
    try {
      return { json: form.encode(value) }
    } catch (error) {
      return { why: toCodecError(error).message }
    }
  }
}

/** Whether a buffer in the value has lost its bytes to another thread. */
const hasMoved = (value: unknown): boolean => {
  const seen = new Set<unknown>()
  const stack = [value]
  while (stack.length > 0) {
    const part = stack.pop()
    if (typeof part !== "object" || part === null || seen.has(part)) continue
    seen.add(part)
    const buffer = ArrayBuffer.isView(part) ? part.buffer : part
    if (buffer instanceof ArrayBuffer) {
      if (buffer.detached) return true
    } else {
      stack.push(...(part instanceof Map ? [...part.keys(), ...part.values()] : Object.values(part)))
    }
  }
  return false
}

// ----------------------------------------------------------------------------
// Reading
// ----------------------------------------------------------------------------

const Line = Schema.Struct({
  index: Schema.optionalKey(Schema.Int),
  task: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  payload: Schema.optionalKey(Schema.Unknown),
  payloadError: Schema.optionalKey(Schema.String)
})

/** The parts of a line that a replay needs. The lines of `papyros runs failures` have no index. */
export type Line = typeof Line.Type

/** Reads a line from its JSON. */
export const read = Schema.decodeUnknownExit(Line)

/** Decodes the payload of a line to a task of the class. Throws if it is none. */
export const payloadDecoder = (task: Task.AnyClass): (payload: unknown) => Task.Any =>
  Schema.decodeUnknownSync(Schema.toCodecJson(withoutRedacted(task as unknown as AnyCodec))) as never
