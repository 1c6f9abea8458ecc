/**
 * The fingerprint of a task class: a hash of its name and schemas.
 *
 * Must stay true: it is the same in every process that loads the same tasks module, and in every version of papyros,
 * because durable runs keep it in their keys. It ignores documentation and functions: two checks or transformations that
 * differ only in their code count as equal.
 */
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import type * as Task from "../task.ts"

/** The fingerprint of a task class, in 16 hexadecimal digits. */
export const fingerprint = (task: Task.AnyClass): string => {
  const { error, idempotent, name, success } = task.prototype["~papyros/Task"]
  const parts = [task as unknown as Schema.Top, success as Schema.Top, error as Schema.Top].map(describe)
  return createHash("sha256").update(JSON.stringify([name, idempotent, ...parts])).digest("hex").slice(0, 16)
}

/** Both sides of a schema, the encoded one and the type. */
const describe = (schema: Schema.Top): string => {
  try {
    return canonical(Schema.toRepresentation(schema)) + canonical(Schema.toRepresentation(Schema.toType(schema)))
  } catch {
    // The schema has no representation. A difference is then found when a value is decoded.
    return schema.ast._tag
  }
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => {
    if (key === "annotations" || typeof part === "function") return undefined
    if (part instanceof RegExp || typeof part === "bigint" || typeof part === "symbol") return String(part)
    return part
  })
