/**
 * The kinds of flags. Every flag can also be given by an environment variable: `--task-timeout` by
 * `PAPYROS_TASK_TIMEOUT`, unless it names another.
 *
 * Must stay true: the command line wins over the environment, and an error names both the flag and its variable.
 */
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** The environment variable of a flag. */
const variable = (flag: string): string => `PAPYROS_${flag.toUpperCase().replaceAll("-", "_")}`

/** A flag with a value. Its value comes from the command line, else from its variable. */
export const value = <A>(name: string, options: {
  readonly about: string
  readonly metavar: string
  readonly expected: string
  readonly parse: (text: string) => Option.Option<A>
  readonly alias?: string | undefined
  /** Default: `PAPYROS_` and the name of the flag. */
  readonly variable?: string | undefined
}): Flag.Flag<Option.Option<A>> => {
  const from = options.variable ?? variable(name)
  return (options.alias === undefined ? Flag.String(name) : Flag.withAlias(Flag.String(name), options.alias)).pipe(
    Flag.withMetavar(options.metavar),
    Flag.withDescription(`${options.about} [${from}]`),
    Flag.withFallbackConfig(Config.String(from)),
    Flag.filterMap(options.parse, () => `${options.expected}. It comes from --${name} or ${from}`),
    Flag.optional
  )
}

/** A flag whose value is a text that is not empty. */
export const text = (
  name: string,
  about: string,
  metavar: string,
  expected: string
): Flag.Flag<Option.Option<string>> =>
  value(name, { about, metavar, expected, parse: Option.liftPredicate((text: string) => text !== "") })

/** A flag whose value is a length of time. */
export const time = (name: string, about: string): Flag.Flag<Option.Option<Duration.Duration>> =>
  value(name, { about, metavar: "duration", expected: "a duration such as 500ms, 30s or 5m", parse: duration })

/** A flag without a value. */
export const toggle = (name: string, about: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(
    Flag.withDescription(`${about} [${variable(name)}]`),
    Flag.withFallbackConfig(Config.Boolean(variable(name))),
    Flag.withDefault(false)
  )

/** Parses a whole number of at least `min`. */
export const whole = (min: number) => (text: string): Option.Option<number> => {
  const n = /^\d+$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(n) && n >= min ? Option.some(n) : Option.none()
}

const UNITS: Readonly<Record<string, Duration.Unit>> = {
  ms: "millis",
  s: "seconds",
  m: "minutes",
  min: "minutes",
  h: "hours",
  d: "days"
}

/** Parses `500ms`, `30s`, `5m`, `1h`, and the units of Effect: `30 seconds`. */
export const duration = (text: string): Option.Option<Duration.Duration> => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim()) ?? []
  return amount === undefined || unit === undefined
    ? Option.none()
    : Duration.fromInput(`${Number(amount)} ${UNITS[unit] ?? unit as Duration.Unit}`)
}
