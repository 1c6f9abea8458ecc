/**
 * One run of a handler that did not end when it was called: its fiber, and its own `Scope`. The run has ended when
 * the finalizers of the scope have, so that everything a handler acquires is released before its outcome is seen. A
 * handler that adds no finalizer pays for an empty scope only.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

export class HandlerRun {
  private readonly scope = Scope.makeUnsafe()
  private readonly context: Context.Context<never>
  private readonly fiber: Fiber.Fiber<unknown, unknown>

  constructor(effect: Effect.Effect<unknown, unknown>, context: Context.Context<never>) {
    this.context = Context.add(context, Scope.Scope, this.scope)
    this.fiber = Effect.runForkWith(this.context)(effect)
  }

  /** The exit, if the handler has ended and has no finalizer to run; `onEnd` is to be called otherwise. */
  poll(): Exit.Exit<unknown, unknown> | undefined {
    const exit = this.fiber.pollUnsafe()
    if (exit === undefined || this.scope.state._tag === "Open") return undefined
    Scope.closeUnsafe(this.scope, exit)
    return exit
  }

  /** Calls back once, when the handler and its finalizers have ended. To be called once. */
  onEnd(f: (exit: Exit.Exit<unknown, unknown>) => void): void {
    this.fiber.addObserver((exit) => {
      const closing = Scope.closeUnsafe(this.scope, exit)
      if (closing === undefined) return f(exit)
      Effect.runForkWith(this.context)(closing, { uninterruptible: true })
        .addObserver((closed) => f(withFinalizers(exit, closed)))
    })
  }

  /** Interrupts the handler. Its finalizers are not interrupted. */
  interrupt(): void {
    this.fiber.interruptUnsafe()
  }
}

/** The exit of a handler whose finalizers ended with `closed`: a defect of a finalizer is a defect of the run. */
const withFinalizers = (exit: Exit.Exit<unknown, unknown>, closed: Exit.Exit<void>): Exit.Exit<unknown, unknown> => {
  if (closed._tag === "Success") return exit
  return exit._tag === "Success" ? closed : Exit.failCause(Cause.combine(exit.cause, closed.cause))
}
