/** Waits for what other programs do with a run: by the store, where it can tell, and by looking twice a second. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store } from "./store.ts"

const LOOK = "500 millis"

/** A wait until it is time to look at the run again. Of what changes between two waits the second one knows. */
export const watch = (store: Store, run: string): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
  store.watch === undefined
    ? Effect.succeed(Effect.sleep(LOOK))
    : Effect.map(store.watch(run), (changed) => Effect.raceFirst(changed, Effect.sleep(LOOK)))
