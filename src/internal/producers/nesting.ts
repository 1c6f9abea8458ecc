import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { CurrentParent, type ParentTask, type SchedulerHandle } from "../scheduler/producer.ts"

/**
 * Waits in the name of a running task, if there is one: its slot is lent
 * meanwhile, and it goes on only with a slot. `register` may return what undoes it.
 */
export const awaitNested = <A, E>(
  parent: ParentTask | undefined,
  register: (resume: (effect: Effect.Effect<A, E>) => void) => Effect.Effect<void> | void
): Effect.Effect<A, E> =>
  Effect.callback<A, E>((resume) => {
    if (parent === undefined) return register(resume)
    let state: "registering" | "waiting" | "over" = "registering"
    const undo = register((effect) => {
      if (state === "over") return
      if (state === "waiting") parent.resume(() => resume(effect))
      else resume(effect)
      state = "over"
    })
    // Lent only now that its children are known, which the slot serves first.
    if ((state as string) === "registering") {
      state = "waiting"
      parent.lendSlot()
    }
    // What holds the slot may be what is to be undone, so nothing waits for a slot here.
    return Effect.suspend(() => {
      if (state === "waiting") parent.abandon()
      state = "over"
      return undo ?? Effect.void
    })
  })

/** The parent whose slot a wait on this dispatcher lends. */
export const parentIn = (context: Context.Context<never>, hub: SchedulerHandle): ParentTask | undefined => {
  const parent = Context.get(context, CurrentParent)
  return parent?.scheduler === hub ? parent : undefined
}
