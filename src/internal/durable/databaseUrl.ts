/**
 * The database of durable runs as its users write it: the URL of a Postgres database, or the path of a SQLite file.
 *
 * Must stay true: a URL may have a password, and no error repeats it. `fromEnvironment` removes the variable, so that no
 * thread or child process inherits it.
 */
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

export const VARIABLE = "PAPYROS_DATABASE"

/** A database that is named by text. */
export type DatabaseName =
  | { readonly kind: "postgres"; readonly url: Redacted.Redacted; readonly hasPassword: boolean }
  | { readonly kind: "file"; readonly filename: string }
  /** The URL of something else. */
  | { readonly kind: "unknown" }

export const parse = (text: Redacted.Redacted): DatabaseName => {
  const name = Redacted.value(text)
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(name) || name.startsWith("file:")) return { kind: "file", filename: name }
  if (!/^postgres(?:ql)?:/i.test(name) || !URL.canParse(name)) return { kind: "unknown" }
  const { password, searchParams } = new URL(name)
  const url = Redacted.make(name, { label: VARIABLE })
  return { kind: "postgres", url, hasPassword: password !== "" || searchParams.has("password") }
}

/** Removes the variable from the environment of this process, and returns its value. */
export const fromEnvironment = (): Option.Option<Redacted.Redacted> => {
  const text = process.env[VARIABLE]
  delete process.env[VARIABLE]
  return text === undefined || text === "" ? Option.none() : Option.some(Redacted.make(text, { label: VARIABLE }))
}
