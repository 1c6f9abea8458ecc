/** Prints any value for a message, and never throws. */
import { format } from "effect/Formatter"
import { hasProperty } from "effect/Predicate"

/** The message of an error, or its fields if it has none; the printed form of any other value. */
export const describe = (u: unknown): string => {
  try {
    if (isError(u)) return u.message === "" ? fieldsOf(u) : u.message
    return typeof u === "string" ? u : format(u)
  } catch {
    return "something that cannot be printed"
  }
}

/** Errors of another realm, and those that a test runner has made plain objects of, are not instances of `Error`. */
const isError = (u: unknown): u is Error =>
  u instanceof Error || (hasProperty(u, "message") && hasProperty(u, "stack") && typeof u.message === "string")

/** A typed error of a schema has fields, and most have no message. */
const fieldsOf = (error: Error): string => {
  const fields = Object.entries(error).filter(([key]) => key !== "_tag" && key !== "name")
  return fields.length === 0 ? "" : format(Object.fromEntries(fields))
}
