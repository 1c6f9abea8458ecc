/** `undefined` as a declared type, whose JSON codec leaves it as it is instead of encoding it as `null`. */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

const id = "papyros/Undefined"

const { annotations, run } = Schema.declare(Predicate.isUndefined, {
  representation: { id, payload: null },
  expected: "undefined",
  toCodecJson: () => undefined
}).ast

/** Replaces `Schema.Undefined`. */
export const undefinedAsIs = ({ checks, context }: SchemaAST.Undefined): SchemaAST.Declaration =>
  new SchemaAST.Declaration([], run, annotations, checks, undefined, context)

export const isUndefinedAsIs = ({ annotations }: SchemaAST.Declaration): boolean =>
  Predicate.hasProperty(annotations?.representation, "id") && annotations.representation.id === id
