/**
 * Waits of a handler for tasks on its own dispatcher.
 *
 * Must stay true: while it waits, its slot is lent, and it goes on only with a
 * slot; a wait that is interrupted is ended once, and never blocks.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { CurrentParent, type ParentTask, type SchedulerHandle } from "../scheduler/producer.ts"

/**
 * Waits as `Effect.callback` does; if a running task waits, its slot is lent
 * meanwhile. `register` may return an Effect that undoes it.
 */
export const awaitNested = <A, E>(
  parent: ParentTask | undefined,
  register: (resume: (effect: Effect.Effect<A, E>) => void) => Effect.Effect<void> | void
): Effect.Effect<A, E> =>
  Effect.callback<A, E>((resume) => {
    if (parent === undefined) return register(resume)
    let state: "registering" | "waiting" | "done" = "registering"
    const undo = register((effect) => {
      if (state === "done") return
      if (state === "waiting") parent.resume(() => resume(effect))
      else resume(effect)
      state = "done"
    })
    // Lent only after its children have subscribed: the slot serves them first.
    if ((state as string) === "registering") {
      state = "waiting"
      parent.lendSlot()
    }
    // Nothing waits for a slot here: the slot may be held by the task that is to be undone.
    return Effect.suspend(() => {
      if (state === "waiting") parent.abandon()
      state = "done"
      return undo ?? Effect.void
    })
  })

/** The running task whose slot a wait on this scheduler lends. */
export const parentIn = (context: Context.Context<never>, scheduler: SchedulerHandle): ParentTask | undefined => {
  const parent = Context.get(context, CurrentParent)
  return parent?.scheduler === scheduler ? parent : undefined
}
