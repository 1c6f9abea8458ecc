/**
 * Constructors of schema classes for fields that were checked before: they make the instance that `new` makes, without
 * a second check. `new` on a schema class takes 200 ns more for each instance.
 *
 * Must stay true: a class has a trusted constructor only if its own constructor is known to do nothing but set the
 * declared fields. Class bodies with a constructor, private names, or fields of their own have none, nor have bodies
 * that cannot be read without a parser. `new` must take each accepted value as it is, too: it copies lists and structs,
 * and leaves out or adds fields in them.
 */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { compileCode } from "./compileCode.ts"

type AnyClass = abstract new(...args: ReadonlyArray<never>) => object

export type TrustedConstructor = (fields: object) => object

interface Field {
  readonly name: string
  readonly optional: boolean
}

/**
 * The trusted constructor of a class, or `undefined`.
 *
 * @param tag the value of `_tag`, if the constructor sets it
 * @param instance made by `new` of `fields`
 */
export const trustedConstructor = (
  Class: AnyClass,
  declared: ReadonlyArray<Field>,
  tag: string | undefined,
  fields: object,
  instance: object
): TrustedConstructor | undefined => {
  if (!setsOnlyFields(Class)) return undefined
  const set = declared.map(({ name, optional }) => {
    const key = JSON.stringify(name)
    return `${optional ? `if (${key} in fields) ` : ""}this[${key}] = fields[${key}];`
  })
  if (tag !== undefined) set.unshift(`this._tag = ${JSON.stringify(tag)};`)
  const make = compileCode<(prototype: object) => TrustedConstructor>(
    ["prototype"],
    `function Trusted(fields) { ${set.join("")} }
    Trusted.prototype = prototype
    return (fields) => new Trusted(fields)`
  )?.(Class.prototype)
  return make !== undefined && isSame(make(fields), instance) ? make : undefined
}

const isSame = (a: object, b: object): boolean => {
  const keys = Reflect.ownKeys(a)
  const others = Reflect.ownKeys(b)
  return keys.length === others.length && keys.every((key, i) => {
    const other = Object.getOwnPropertyDescriptor(b, key)
    return key === others[i] && other?.enumerable === true && other.writable === true && other.configurable === true &&
      Object.is(Reflect.get(a, key), other.value)
  })
}

/** Whether `new` takes every value of a field that the schema accepts, and does not put another one in its place. */
export const isTakenAsIs = (ast: SchemaAST.AST): boolean => {
  if (ast.context?.constructorDefault !== undefined) return false
  switch (ast._tag) {
    case "Arrays":
    case "Objects":
    case "Suspend":
      return false
    case "Union":
      return ast.types.every(isTakenAsIs)
    case "Declaration":
      // Of declared types with parameters, only classes take their values as they are.
      return ast.typeParameters.length === 0 || ast.annotations?.["~constructor"] !== undefined
    default:
      return true
  }
}

/** The class that Effect puts below each class that a user wrote. All have this text. */
const made = Schema.Class<object>("papyros/Made")({})
const MADE = made.toString()

/** The class below all classes with fields. */
const ROOT: unknown = Object.getPrototypeOf(made)

/** Whether every class that a user wrote has only methods and accessors. Parents of a class are below Effect's. */
const setsOnlyFields = (Class: AnyClass): boolean => {
  for (let at: unknown = Class; at !== ROOT; at = Object.getPrototypeOf(at)) {
    if (typeof at !== "function" || at === Function.prototype) return false
    const text = at.toString()
    if (text !== MADE && !hasOnlyMethods(text)) return false
  }
  return true
}

/** Text that may hide a brace from a reader that is no parser, and members that run when an instance is made. */
const UNREADABLE = /["'`/\\#@]|\bconstructor\b|\bstatic\b|\baccessor\b/

/** Methods and accessors, with nothing between the brackets. */
const METHODS = /^\{(\s*((async|get|set)\s+)?(\*\s*)?([\w$]+|\[\])\s*\(\)\s*\{\})*\s*\}$/

/** Whether the text of a class shows nothing but methods and accessors in its body. */
const hasOnlyMethods = (text: string): boolean => {
  if (!text.startsWith("class") || !text.endsWith("}")) return false
  let depth = 0
  // The body without the text inside of its brackets, from its end: the heritage before it may hold anything.
  let outline = ""
  let start = text.length
  do {
    const char = text[--start]
    if (")]}".includes(char) && depth++ < 2) outline = char + outline
    else if ("([{".includes(char) && --depth < 2) outline = char + outline
    else if (depth === 1) outline = char + outline
  } while (depth > 0 && start > 0)
  return depth === 0 && !UNREADABLE.test(text.slice(start)) && METHODS.test(outline)
}
