/**
 * From nothing to the first result of a pool of two threads: nearly all of it is the
 * loading of modules, so piscina is also measured with those that papyros needs.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Broken, Case, Competitor, Measured } from "../../harness/model.ts"
import type { Tally } from "../../harness/tally.ts"
import { type Contestant, hangs } from "../competitors/implementation.ts"
import { layer, PAPYROS, run } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { openPiscina } from "../competitors/threadPools.ts"
import { inc } from "../workload/functions.ts"
import { oracle } from "../workload/oracle.ts"
import { Inc } from "../workload/tasks.ts"
import { load } from "./increments.ts"

const NAME = "start to first result"
const SAME_IMPORTS = "piscina, same tasks module"

/** Closed after the clock has stopped. */
const timed = (first: Effect.Effect<Tally, Broken, Scope.Scope>): Effect.Effect<Measured, Broken> =>
  Effect.gen(function*() {
    const before = performance.now()
    const tally = yield* first
    return { tally, figures: [performance.now() - before] }
  }).pipe(Effect.scoped, hangs)

const firstOf = (open: Effect.Effect<Contestant, Broken, Scope.Scope>) =>
  timed(Effect.flatMap(open, (contestant) => contestant.run(load, 1)))

const competitors: ReadonlyArray<Competitor> = [
  {
    name: SAME_IMPORTS,
    run: firstOf(openPiscina(new URL("../competitors/workers/piscinaTasks.ts", import.meta.url), 1))
  },
  { name: "piscina, no imports", run: firstOf(openPiscina(new URL("../workload/functions.ts", import.meta.url), 1)) },
  { name: rpc.name, run: firstOf(rpc.open) },
  {
    name: PAPYROS,
    run: timed(
      Effect.flatMap(
        Layer.build(Layer.fresh(layer)),
        (dispatcher) => Effect.provideContext(run(new Inc({ n: 1 }), Number), dispatcher)
      )
    ),
    target: { [SAME_IMPORTS]: "at most 1.5" }
  }
]

const make = Effect.sync((): Case => ({
  name: NAME,
  ...oracle(load, inc)(1),
  figures: ["time, ms"],
  warmUp: 2,
  baselines: [SAME_IMPORTS],
  competitors
}))

export const start = { name: NAME, make }
