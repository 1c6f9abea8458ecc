/**
 * How a task is kept: the JSON of its payload, result and failure by its schemas, and its fingerprint.
 *
 * Must stay true: a stored result decodes to a value equal to the one that was stored, for every schema whose JSON codec
 * does so.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaAST from "effect/SchemaAST"
import * as TaskFailure from "../../TaskFailure.ts"
import { DurableError, Unencodable } from "../durableError.ts"
import { toCodecError } from "../encoding/codecError.ts"
import { fingerprint } from "../encoding/fingerprint.ts"
import type * as Task from "../task.ts"
import { stringify } from "./canonicalJson.ts"

/** The JSON forms of one task class. Each function throws for a value that has none. */
export interface TaskForm {
  readonly fingerprint: string
  readonly payload: JsonForm
  readonly success: JsonForm
  /** A failure as its reason, attempt, worker and trace. */
  readonly encodeFailure: (failure: TaskFailure.TaskFailure<Task.Any>) => string
  readonly decodeFailure: (text: string, task: Task.Any) => TaskFailure.TaskFailure<Task.Any>
}

interface JsonForm {
  readonly encode: (value: unknown) => string
  readonly decode: (text: string) => unknown
}

type AnyCodec = Schema.Codec<unknown, unknown>

/** The form of a task class. Throws a `DurableError` if one of its schemas has no JSON form. */
export const make = (task: Task.AnyClass): TaskForm => {
  const { error, name, success } = task.prototype["~papyros/Task"]
  const formOf = (part: Unencodable["part"], schema: Schema.Constraint): JsonForm => {
    const without = withoutJson(schema.ast)
    if (without !== undefined) {
      const message = `the schema of its ${part} contains ${without}, which has no JSON form: give it one by the ` +
        "annotation toCodecJson, or encode it to another schema"
      throw new DurableError({ reason: new Unencodable({ task: name, part, message }) })
    }
    return jsonForm(schema as AnyCodec)
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

const jsonForm = (schema: AnyCodec): JsonForm => {
  const codec = Schema.toCodecJson(schema)
  SchemaJITCompiler.enable(codec.ast)
  SchemaJITCompiler.enable(SchemaAST.flip(codec.ast))
  const encode = Schema.encodeUnknownSync(codec)
  const decode = Schema.decodeUnknownSync(codec)
  // `undefined`, to which only a schema that accepts any value encodes, is no JSON.
  return { encode: (value) => stringify(encode(value) ?? null), decode: (text) => decode(JSON.parse(text)) }
}

/** Every reason but `Failed`, whose error is encoded by the schema of the task. */
const reasonForm = jsonForm(Schema.Union(TaskFailure.untypedReasons) as never)

/** The first part of a schema whose values have no JSON form. */
const withoutJson = (ast: SchemaAST.AST, visited = new Set<SchemaAST.AST>()): string | undefined => {
  if (visited.has(ast)) return undefined
  visited.add(ast)
  const anyOf = (parts: ReadonlyArray<SchemaAST.AST>): string | undefined => {
    for (const part of parts) {
      const found = withoutJson(part, visited)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (ast.encoding !== undefined) return anyOf(ast.encoding.map(({ to }) => to))
  switch (ast._tag) {
    case "Declaration":
      return hasJson(ast) ? anyOf(ast.typeParameters) : nameOf(ast)
    case "Arrays":
      return anyOf([...ast.elements, ...ast.rest])
    case "Objects":
      return anyOf([...ast.propertySignatures, ...ast.indexSignatures].map(({ type }) => type))
    case "Union":
      return anyOf(ast.types)
    case "Suspend":
      return anyOf([ast.thunk()])
    case "UniqueSymbol":
      return "a unique symbol"
    default:
      return undefined
  }
}

const hasJson = ({ annotations }: SchemaAST.Declaration): boolean => {
  if (annotations === undefined) return false
  if (Predicate.isFunction(annotations.toCodecJson) || Predicate.isFunction(annotations.toCodec)) return true
  const { representation } = annotations
  return Predicate.hasProperty(representation, "id") && String(representation.id).endsWith("Json")
}

const nameOf = ({ annotations }: SchemaAST.Declaration): string =>
  String(annotations?.identifier ?? annotations?.title ?? annotations?.expected ?? "a declared type")

/** A failure of the value that a handler gave, in the words of a boundary. */
export const undecodable = (part: "success" | "error", error: unknown): TaskFailure.Undecodable =>
  new TaskFailure.Undecodable({ part, message: toCodecError(error).message })
