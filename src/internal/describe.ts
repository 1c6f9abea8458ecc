import { format } from "effect/Formatter"

/** The message of an error, or what prints of anything else. Never throws, whatever it is given. */
export const describe = (u: unknown): string => {
  try {
    return u instanceof Error ? u.message : typeof u === "string" ? u : format(u)
  } catch {
    return "something that cannot be printed"
  }
}
