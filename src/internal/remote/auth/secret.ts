/**
 * The shared secret of a deployment, from text, a file or the environment. Hex, base64 and base64url of the same bytes
 * are the same secret. A text may hold several secrets, separated by white space, so that a secret can be changed while
 * processes run: the first one is used to connect, and a server accepts each of them.
 *
 * Must stay true: no error, log or environment of a child process holds the secret. `fromEnvironment` removes the
 * variable, so that it finds the secret only once.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"

/** A text that `parse` accepts: one secret or several. */
export type Secret = Redacted.Redacted<string>

export const VARIABLE = "PAPYROS_SECRET"

/** 128 bits. A shorter secret can be guessed from one recorded handshake. */
const MIN_BYTES = 16

/** The part of a file that is read. A longer file holds no secret. */
const MAX_FILE_BYTES = 1024

/** A secret is unusable. The message has the remedy, and never repeats the secret. */
export class InvalidSecret extends Schema.TaggedError<InvalidSecret>("papyros/InvalidSecret")("InvalidSecret", {
  message: Schema.String
}) {}

/** 256 random bits, base64url. */
export const generate: Effect.Effect<Secret> = Effect.sync(() => redact(randomBytes(32).toString("base64url")))

const redact = (text: string): Secret => Redacted.make(text, { label: VARIABLE })

/** Accepts secrets of at least 128 bits as hex, base64 or base64url, separated by white space. */
export const parse = (input: Secret | string): Result.Result<Secret, InvalidSecret> => {
  const text = typeof input === "string" ? input : Redacted.value(input)
  return Result.map(decode(text), () => redact(text.trim()))
}

/** The bytes of each secret. A text that `parse` refuses is a defect. */
export const bytesOf = (secret: Secret): Secrets => Result.getOrThrow(decode(Redacted.value(secret)))

type Secrets = readonly [Uint8Array, ...Array<Uint8Array>]

const decode = (text: string): Result.Result<Secrets, InvalidSecret> => {
  const [first, ...rest] = text.trim().split(/\s+/)
  return Result.gen(function*() {
    const secrets: [Uint8Array, ...Array<Uint8Array>] = [yield* decodeOne(first)]
    for (const one of rest) secrets.push(yield* decodeOne(one))
    return secrets
  })
}

const decodeOne = (text: string): Result.Result<Uint8Array, InvalidSecret> => {
  const encoding = encodingOf(text)
  if (encoding === undefined) {
    return invalid("The secret is not hex, base64 or base64url. Make one with `papyros secret`.")
  }
  const bytes = Buffer.from(text, encoding)
  if (bytes.length < MIN_BYTES) {
    return invalid(
      `The secret has ${8 * bytes.length} bits, but at least ${8 * MIN_BYTES} are needed. ` +
        "Make one with `papyros secret`."
    )
  }
  return Result.succeed(bytes)
}

// Hex comes first: hex digits are valid base64 too, but such a secret is meant as hex.
const encodingOf = (text: string): "hex" | "base64" | "base64url" | undefined => {
  if (text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text)) return "hex"
  const digits = text.replace(/={1,2}$/, "")
  if (digits.length % 4 === 1) return undefined
  if (/^[A-Za-z0-9_-]+$/.test(digits)) return "base64url"
  return /^[A-Za-z0-9+/]+$/.test(digits) ? "base64" : undefined
}

const invalid = (message: string) => Result.fail(new InvalidSecret({ message }))

/** Reads the secret from a file that only its owner can read, or also its group if the caller allows that. */
export const fromFile = Effect.fnUntraced(function*(
  path: string,
  options?: { readonly groupReadable?: boolean | undefined }
): Effect.fn.Return<Secret, InvalidSecret | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  // Mode and content come from one open file: the path may name another file in between.
  const bytes = yield* Effect.scoped(Effect.gen(function*() {
    const file = yield* fs.open(path, { flag: "r" })
    const { mode } = yield* file.stat
    // Windows has no permission bits.
    const refused = options?.groupReadable === true ? 0o037 : 0o077
    if (process.platform !== "win32" && (mode & refused) !== 0) {
      const onlyGroup = (mode & 0o037) === 0
      return yield* new InvalidSecret({
        message: `Users other than its owner can read the secret file ${path}: run \`chmod 600\` on it, ` +
          `and make a new secret.${onlyGroup ? " If its group may read it, add --secret-group-readable." : ""}`
      })
    }
    return yield* file.readAlloc(MAX_FILE_BYTES)
  }))
  return yield* Effect.fromResult(parse(Option.match(bytes, {
    onNone: () => "",
    onSome: (bytes) => Buffer.from(bytes).toString("latin1")
  })))
})

/**
 * Removes the secret from the environment of this process and returns it, so that no thread or child process inherits
 * it. /proc still shows the initial environment to every process that may read the memory of this one.
 */
export const fromEnvironment: Effect.Effect<Option.Option<Secret>, InvalidSecret> = Effect.suspend(() => {
  const text = process.env[VARIABLE]
  delete process.env[VARIABLE]
  // An empty variable is a mistake: it must not start a process without a secret.
  return text === undefined ? Effect.succeedNone : Effect.map(Effect.fromResult(parse(text)), Option.some)
})
