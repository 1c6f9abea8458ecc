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

/** Matches texts that may be meant as a URL or as the parameters of a connection, and not as the path of a file. */
const CONNECTION = /:\/\/|^[\s"'`]*postgres(?:ql)?:|:[^/\\]*@|\b(?:dbname|host|password|user)\s*=/i

export const parse = (text: Redacted.Redacted): DatabaseName => {
  const filename = Redacted.value(text)
  if (filename.startsWith("file:") || !CONNECTION.test(filename)) return { kind: "file", filename }
  const name = filename.trim()
  if (!/^postgres(?:ql)?:\/\//i.test(name) || !URL.canParse(name)) return { kind: "unknown" }
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
