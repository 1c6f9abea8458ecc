/**
 * One run of a handler: its fiber, and its own `Scope`. The run has ended when the finalizers of the scope have, so
 * that everything a handler acquires is released before its outcome is seen. A handler that adds no finalizer pays
 * for an empty scope only.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/**
 * The fields of a run, `undefined` before `start` and written here alone. The running task of each side of the wire
 * implements them, since a base class would cost a tenth of a trivial task.
 */
export interface HandlerRun {
  scope: Scope.Closeable | undefined
  context: Context.Context<never> | undefined
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

/**
 * Runs a handler that had not ended when it was called. Returns the exit if it ends at once and has no finalizer to
 * run; `onEnd` is to be called otherwise.
 */
export const start = (
  run: HandlerRun,
  effect: Effect.Effect<unknown, unknown>,
  context: Context.Context<never>
): Exit.Exit<unknown, unknown> | undefined => {
  const scope = run.scope = new RunScope() as Scope.Closeable
  run.context = Context.addUnsafe(context, Scope.Scope.key, scope)
  const fiber = run.fiber = Effect.runForkWith(run.context)(effect)
  const exit = fiber.pollUnsafe()
  if (exit === undefined || scope.state._tag === "Open") return undefined
  Scope.closeUnsafe(scope, exit)
  return exit
}

/** Calls back once, when the handler and its finalizers have ended. */
export const onEnd = (
  { context, fiber, scope }: HandlerRun,
  f: (exit: Exit.Exit<unknown, unknown>) => void
): void => {
  fiber!.addObserver((exit) => {
    const closing = Scope.closeUnsafe(scope!, exit)
    if (closing === undefined) return f(exit)
    Effect.runForkWith(context!)(closing, { uninterruptible: true })
      .addObserver((closed) => f(withFinalizers(exit, closed)))
  })
}

/** Interrupts the handler, if it runs. Its finalizers are not interrupted. */
export const interrupt = ({ fiber }: HandlerRun): void => fiber?.interruptUnsafe()

const { parent: _, state: EMPTY, strategy: __, ...marks } = Scope.makeUnsafe()

/** The scope that `Scope.makeUnsafe` makes, as a class: its object literal with computed keys takes 25 ns longer. */
class RunScope {
  readonly strategy = "sequential"
  readonly parent = undefined
  state: Scope.State.Open | Scope.State.Closed | Scope.State.Empty = EMPTY
}
Object.assign(RunScope.prototype, marks)

/** The exit of a handler whose finalizers ended with `closed`: a defect of a finalizer is a defect of the run. */
const withFinalizers = (exit: Exit.Exit<unknown, unknown>, closed: Exit.Exit<void>): Exit.Exit<unknown, unknown> => {
  if (closed._tag === "Success") return exit
  return exit._tag === "Success" ? closed : Exit.failCause(Cause.combine(exit.cause, closed.cause))
}
