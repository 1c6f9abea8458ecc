/**
 * Tells whether two programs mean the same by the name of a task: a hash of its name
 * and schemas. Documentation does not count, and neither do functions: a check or a
 * transformation that is not told apart by its name is taken to be the same.
 */
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import type * as Task from "../../task.ts"

/** The fingerprint of a task class, in 16 hexadecimal digits. */
export const fingerprint = (task: Task.AnyClass): string => {
  const { error, idempotent, name, success } = task.prototype["~papyros/Task"]
  const parts = [task as unknown as Schema.Top, success as Schema.Top, error as Schema.Top].map(describe)
  return createHash("sha256").update(JSON.stringify([name, idempotent, ...parts])).digest("hex").slice(0, 16)
}

/** Both sides of a schema. */
const describe = (schema: Schema.Top): string => {
  try {
    return canonical(Schema.toRepresentation(schema)) + canonical(Schema.toRepresentation(Schema.toType(schema)))
  } catch {
    // Nothing can be said of it; what does not fit is found when it is decoded.
    return schema.ast._tag
  }
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => {
    if (key === "annotations" || typeof part === "function") return undefined
    if (part instanceof RegExp || typeof part === "bigint" || typeof part === "symbol") return String(part)
    return part
  })
