import * as Duration from "effect/Duration"

/** Milliseconds of an option, or `undefined`. An unusable one is a defect that names the option. */
export const millisOption = (name: string, input: Duration.Input | undefined): number | undefined => {
  if (input === undefined) return undefined
  const millis = typeof input === "number" ? input : Duration.toMillis(Duration.fromInputUnsafe(input))
  if (!(millis >= 0)) {
    throw new RangeError(`${name} must be a duration of at least 0, got ${String(input)}`)
  }
  return millis
}

/** A whole number of at least `min`, or `undefined`. */
export const countOption = (name: string, input: number | undefined, min: number): number | undefined => {
  if (input === undefined) return undefined
  if (!(Number.isInteger(input) && input >= min)) {
    throw new RangeError(`${name} must be a whole number of at least ${min}, got ${input}`)
  }
  return input
}

/** The same for a bound that may be `"unbounded"`. */
export const boundOption = (name: string, input: number | "unbounded" | undefined, min: number): number => {
  if (input === undefined || input === "unbounded" || input === Infinity) return Infinity
  return countOption(name, input, min)!
}
