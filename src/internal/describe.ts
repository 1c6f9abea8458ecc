/** Prints any value for a message, and never throws. */
import { format } from "effect/Formatter"

/** The message of an error, or the printed form of any other value. */
export const describe = (u: unknown): string => {
  try {
    return u instanceof Error ? u.message : typeof u === "string" ? u : format(u)
  } catch {
    return "something that cannot be printed"
  }
}
