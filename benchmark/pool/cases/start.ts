/**
 * The time from opening a pool of two threads to its first result.
 *
 * Most of it is the loading of modules, so piscina is measured twice: alone, and with the modules that a thread of
 * papyros loads.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Case, Competitor, CompetitorError } from "../../harness/model.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { PAPYROS, runOne } from "../../harness/papyros.ts"
import { timeToResult } from "../../harness/timing.ts"
import type { OpenPool } from "../competitors/implementation.ts"
import { layer } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { openPiscina } from "../competitors/threadPools.ts"
import { inc } from "../workload/functions.ts"
import { workloadsOf } from "../workload/oracle.ts"
import { increments } from "../workload/taskInput.ts"
import { Inc } from "../workload/tasks.ts"

const NAME = "start to first result"
const SAME_IMPORTS = "piscina, same tasks module"

const firstOf = (open: Effect.Effect<OpenPool, CompetitorError, Scope.Scope>) =>
  timeToResult(Effect.flatMap(open, (pool) => pool.run(increments, 1)))

const competitors: ReadonlyArray<Competitor> = [
  {
    name: SAME_IMPORTS,
    run: firstOf(openPiscina(moduleUrl("../competitors/workers/piscinaTasks.ts", import.meta.url), 1))
  },
  { name: "piscina, no imports", run: firstOf(openPiscina(moduleUrl("../workload/functions.ts", import.meta.url), 1)) },
  { name: rpc.name, run: firstOf(rpc.open) },
  {
    name: PAPYROS,
    run: timeToResult(
      Effect.flatMap(
        Layer.build(Layer.fresh(layer)),
        (dispatcher) => Effect.provideContext(runOne(new Inc({ n: 1 }), Number), dispatcher)
      )
    ),
    target: { [SAME_IMPORTS]: "at most 1.5" }
  }
]

const make = Effect.sync((): Case => ({
  name: NAME,
  ...workloadsOf(increments, inc)(1),
  metrics: ["time, ms"],
  warmUp: 2,
  baselines: [SAME_IMPORTS],
  competitors
}))

export const start = { name: NAME, make }
