/** Waits for changes that other programs make to a run: the store reports them where it can, and the run is read twice a
 * second. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store } from "./store.ts"

const LOOK = "500 millis"

/** A wait until it is time to read the run again. A change between two waits ends the second one. */
export const watch = (store: Store, run: string): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
  store.watch === undefined
    ? Effect.succeed(Effect.sleep(LOOK))
    : Effect.map(store.watch(run), (changed) => Effect.raceFirst(changed, Effect.sleep(LOOK)))
