/**
 * Checks of the options that users give, in code or by the ConfigProvider.
 *
 * Must stay true: an invalid value never passes, and the error names its option.
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { describe } from "./describe.ts"

// ----------------------------------------------------------------------------
// In code: an invalid value is a defect that names the option.
// ----------------------------------------------------------------------------

/** Milliseconds of a duration of at least 0, or `undefined`. */
export const millisOption = (name: string, input: Duration.Input | undefined): number | undefined => {
  if (input === undefined) return undefined
  const millis = toMillis(input)
  if (!(millis >= 0)) {
    const given = Duration.isDuration(input) ? String(input) : describe(input)
    throw new RangeError(`${name} must be a duration of at least 0, got ${given}`)
  }
  return millis
}

/** Milliseconds; `NaN` if it is not a duration. */
const toMillis = (input: Duration.Input): number => {
  if (typeof input === "number") return input
  // An object without a unit would be 0.
  if (Object.prototype.toString.call(input) === "[object Object]" && !Duration.isDuration(input)) {
    const keys = Object.keys(input)
    if (keys.length === 0 || !keys.every((key) => units.has(key))) return NaN
  }
  try {
    return Duration.toMillis(Duration.fromInputUnsafe(input))
  } catch {
    return NaN
  }
}

const units: ReadonlySet<string> = new Set<keyof Duration.DurationObject>([
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds"
])

/** A whole number of at least `min`, or `undefined`. */
export const countOption = (name: string, input: number | undefined, min: number): number | undefined => {
  if (input === undefined) return undefined
  if (!(Number.isInteger(input) && input >= min)) {
    throw new RangeError(`${name} must be a whole number of at least ${min}, got ${input}`)
  }
  return input
}

/** A whole number of at least `min`, or `Infinity` for a bound that is absent or `"unbounded"`. */
export const boundOption = (name: string, input: number | "unbounded" | undefined, min: number): number => {
  if (input === undefined || input === "unbounded" || input === Infinity) return Infinity
  return countOption(name, input, min)!
}

// ----------------------------------------------------------------------------
// From the ConfigProvider: an invalid value is a `ConfigError` that names the variable.
// ----------------------------------------------------------------------------

/** The option as given in code, else the variable, else `undefined`. */
export const optionOr = <A>(option: A | undefined, variable: Config.Config<A>): Config.Config<A | undefined> =>
  option === undefined ? Config.withDefault(variable, undefined) : Config.succeed(option)

/** A whole number of at least 1. */
export const countConfig = (name: string): Config.Config<number> =>
  Config.schema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)), name)

/** A whole number of at least 1, or `unbounded`. */
export const boundConfig = (name: string): Config.Config<number | "unbounded"> =>
  Config.schema(
    Schema.Union([Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)), Schema.Literal("unbounded")]),
    name
  )
