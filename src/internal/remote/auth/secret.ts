/**
 * The shared secret of a deployment. Hex, base64 and base64url of the same bytes are
 * the same secret. It is never in an error, a log or the environment of a child.
 *
 * What surprises: `fromEnvironment` takes the variable out of the environment, so it
 * finds it only once.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { hkdfSync, randomBytes } from "node:crypto"
import * as Identity from "./identity.ts"

/** What `parse` takes; where one is used that it does not take, that is a defect. */
export type Secret = Redacted.Redacted<string>

export const VARIABLE = "PAPYROS_SECRET"

/** 128 bits: fewer can be tried out by whoever recorded one handshake. */
const LEAST = 16

/** No secret is this long; what is, is some other file. */
const MOST = 1024

/** A secret cannot be used. The message says what to do, and never what was given. */
export class InvalidSecret extends Schema.TaggedError<InvalidSecret>("papyros/InvalidSecret")("InvalidSecret", {
  message: Schema.String
}) {}

/** 256 random bits, base64url. */
export const generate: Effect.Effect<Secret> = Effect.sync(() => redact(randomBytes(32).toString("base64url")))

const redact = (text: string): Secret => Redacted.make(text, { label: VARIABLE })

/** Takes hex, base64 or base64url of at least 128 bits; white space around it does not count. */
export const parse = (input: Secret | string): Result.Result<Secret, InvalidSecret> => {
  const text = typeof input === "string" ? input : Redacted.value(input)
  return Result.map(bytesOf(text), () => redact(text.trim()))
}

const bytesOf = (text: string): Result.Result<Uint8Array, InvalidSecret> => {
  const trimmed = text.trim()
  const encoding = encodingOf(trimmed)
  if (encoding === undefined) {
    return invalid("The secret is not hex, base64 or base64url. Make one with `papyros secret`.")
  }
  const bytes = Buffer.from(trimmed, encoding)
  if (bytes.length < LEAST) {
    return invalid(
      `The secret has ${8 * bytes.length} bits, and at least ${8 * LEAST} are needed. Make one with \`papyros secret\`.`
    )
  }
  return Result.succeed(bytes)
}

// Hex first: what is only hex digits is base64 too, but nobody means that.
const encodingOf = (text: string): "hex" | "base64" | "base64url" | undefined => {
  if (text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text)) return "hex"
  const digits = text.replace(/={1,2}$/, "")
  if (digits.length % 4 === 1) return undefined
  if (/^[A-Za-z0-9_-]+$/.test(digits)) return "base64url"
  return /^[A-Za-z0-9+/]+$/.test(digits) ? "base64" : undefined
}

const invalid = (message: string) => Result.fail(new InvalidSecret({ message }))

/** Reads it from a file that nobody but its owner can read. */
export const fromFile = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<Secret, InvalidSecret | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  // One open file for both, or it could be another one that is read than was looked at.
  const bytes = yield* Effect.scoped(Effect.gen(function*() {
    const file = yield* fs.open(path, { flag: "r" })
    const { mode } = yield* file.stat
    // Windows has no such bits.
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      return yield* new InvalidSecret({
        message:
          `Others than its owner can read the secret file ${path}: run \`chmod 600\` on it, and make a new secret.`
      })
    }
    return yield* file.readAlloc(MOST)
  }))
  return yield* Effect.fromResult(parse(Option.match(bytes, {
    onNone: () => "",
    onSome: (bytes) => Buffer.from(bytes).toString("latin1")
  })))
})

/**
 * Takes it out of the environment of this process, so that no thread or child process inherits it. (Whoever
 * may read this process's memory still can: /proc shows what it was started with.)
 */
export const fromEnvironment: Effect.Effect<Option.Option<Secret>, InvalidSecret> = Effect.suspend(() => {
  const text = process.env[VARIABLE]
  delete process.env[VARIABLE]
  // Empty is a mistake, and must not mean "without a secret".
  return text === undefined ? Effect.succeedNone : Effect.map(Effect.fromResult(parse(text)), Option.some)
})

/** The keys of connections: whoever holds that of an identity can be nobody else. */
export const keysOf = (secret: Secret): (identity: Identity.Identity) => Buffer => {
  const bytes = Result.getOrThrow(bytesOf(Redacted.value(secret)))
  return (identity) => derive(bytes, Identity.format(identity))
}

export const keyOf = (secret: Secret, identity: Identity.Identity): Buffer => keysOf(secret)(identity)

/** HKDF-SHA256, 32 bytes. */
export const derive = (bytes: Uint8Array, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", bytes, "papyros", info, 32))
