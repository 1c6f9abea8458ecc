/**
 * The outcome of one run of a handler, in the form that crosses the boundary. Making an outcome never throws,
 * for any failure of a handler; a stack trace is cut at 16 KiB.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Executor from "../../Executor.ts"
import * as Codec from "../encoding/codec.ts"

const MAX_TRACE = 16 * 1024

/** The encoded or live value of a run that succeeded, or its failure. */
export type HandlerOutcome = { readonly _tag: "Success"; readonly value: unknown } | Executor.WireFailure

type Undecodable = Extract<Executor.WireFailure, { readonly _tag: "Undecodable" }>

// The guards of Effect share one look-up, which sees objects of every kind and so takes an eighth of a trivial task. These
// two have look-ups of their own, in which V8 finds the kind of the object that a handler returned last.

/** As `Effect.isEffect`. */
export const isEffect = (u: unknown): u is Effect.Effect<unknown, unknown> =>
  ((typeof u === "object" && u !== null) || typeof u === "function") && Effect.TypeId in u

/** As `Exit.isExit`: the handler was done when it returned. */
export const isExit = (u: object): u is Exit.Exit<unknown, unknown> => "~effect/Exit" in u

/** The failure of a value that does not fit its schema, or that cannot be cloned. */
export const undecodable = (part: Undecodable["part"], { message }: Codec.CodecError): Undecodable => ({
  _tag: "Undecodable",
  part,
  message
})

/** A defect as it crosses the boundary. */
export const wireDefect = (
  defect: unknown,
  trace: Executor.Trace = render(Cause.die(defect))
): Executor.WireFailure => {
  const encoded = Codec.defect.encode(defect)
  return encoded instanceof Codec.CodecError
    ? undecodable("defect", encoded)
    : { _tag: "Defect", defect: encoded, trace }
}

/** The stack trace of a cause; empty if the defect in it throws when it is printed. */
export const render = (cause: Cause.Cause<unknown>): string => {
  try {
    const trace = Cause.pretty(cause)
    return trace.length > MAX_TRACE ? trace.slice(0, MAX_TRACE) : trace
  } catch {
    return ""
  }
}
