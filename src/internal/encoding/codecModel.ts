/**
 * The model of a codec, shared by the codecs of plain schemas, of structs and classes, and of all others.
 * A codec never throws: a failure is a returned `CodecError`.
 */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { toCodecError } from "./codecError.ts"
import type { ListShape, Shape } from "./columns.ts"

/** Encodes or decodes one value; returns a `CodecError` if the value does not fit. */
export type Convert = (value: unknown) => unknown

/** Both directions of one schema. */
export interface Codec {
  readonly encode: Convert
  /** Encodes a value that the schema accepts, without checking it. */
  readonly encodeAccepted: Convert
  readonly decode: Convert
  /** The schema of the encoded values. Its checks are of no interest: `decode` checks. */
  readonly encoded: () => SchemaAST.AST
  /** The shape that all encoded values have in common. */
  readonly shape: Shape | ListShape | undefined
  /** Replaces the bytes of an encoded value, in a copy of it; absent if encoded values never hold bytes. */
  readonly withBytes: WithBytes | undefined
}

export type WithBytes = (value: unknown, replace: (bytes: Uint8Array) => Uint8Array) => unknown

export type AnyCodec = Schema.Codec<unknown, unknown>

/** A `Convert` of a function that returns an `Exit`, and may throw where a user's check throws. */
export const fromExit = (convert: (value: unknown) => Exit.Exit<unknown, unknown>): Convert => (value) => {
  try {
    const exit = convert(value)
    return exit._tag === "Success" ? exit.value : toCodecError(Cause.squash(exit.cause))
  } catch (error) {
    return toCodecError(error)
  }
}

export const isOptional = (ast: SchemaAST.AST): boolean => ast.context?.isOptional === true
