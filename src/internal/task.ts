/**
 * The types of tasks and of their classes, without the verbs that run them.
 *
 * `Task.ts` exports all of them to users. Must stay true: this file imports
 * nothing of the project, so that the scheduler and the codecs can use it without
 * `Task.ts`, which imports the dispatcher.
 */
import type * as Schema from "effect/Schema"

/** @internal */
export const TypeId = "~papyros/Task"

/**
 * The declaration of a task class, which every task of the class holds.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface Definition<out S extends Schema.Constraint, out E extends Schema.Constraint> {
  readonly name: string
  readonly success: S
  readonly error: E
  readonly idempotent: boolean
  /** Milliseconds. */
  readonly taskTimeout: number | undefined
  readonly transfer: Transfer | undefined
}

/**
 * Which `ArrayBuffer`s of a task are moved to another thread instead of copied.
 * The side that gives them up cannot use them any more. A task whose payload is
 * moved has one attempt on every dispatcher: it is never retried, and if the
 * thread that it was sent to is lost it fails with `WorkerLost`, even if it had
 * not started.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type Transfer = "payload" | "success" | "both"

/** @internal Whether the buffers of a payload are moved to the other side. */
export const movesPayload = (transfer: Transfer | undefined): boolean =>
  // Most tasks move nothing. V8 calls a function to compare `undefined` with a string.
  transfer !== undefined && (transfer === "payload" || transfer === "both")

/**
 * Any task.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface Any {
  readonly [TypeId]: Definition<Schema.Constraint, Schema.Constraint>
  readonly _tag: string
}

/**
 * Any task class.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export interface AnyClass extends Schema.Constraint {
  readonly Type: Any
  readonly prototype: Any
}

/**
 * The type of a task's result.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type Success<T extends Any> = T extends unknown ? T[typeof TypeId]["success"]["Type"] : never

/**
 * The typed error of a task, `never` if it declares none.
 *
 * @stability stable
 * @category models
 * @since 0.1.0
 */
export type Error<T extends Any> = T extends unknown ? T[typeof TypeId]["error"]["Type"] : never

/**
 * Whether a value is a task.
 *
 * @stability stable
 * @category guards
 * @since 0.1.0
 */
export const isTask = (u: unknown): u is Any => {
  if ((typeof u !== "object" || u === null) && typeof u !== "function") return false
  try {
    // An object that was made from the prototype of a task class, without its constructor, has no name.
    return TypeId in u && typeof (u as Partial<Any>)._tag === "string"
  } catch {
    // A proxy that was revoked, for example.
    return false
  }
}
