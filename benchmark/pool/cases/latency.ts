/** The time of one task for a caller that waits for it, on threads that are otherwise idle. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Case, Competitor } from "../../harness/model.ts"
import { PAPYROS, runSequentially } from "../../harness/papyros.ts"
import { LATENCIES } from "../../harness/timing.ts"
import { openAll } from "../competitors/implementation.ts"
import { layer } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, threadPools } from "../competitors/threadPools.ts"
import { inc } from "../workload/functions.ts"
import { workloadsOf } from "../workload/oracle.ts"
import { increments } from "../workload/taskInput.ts"
import { Inc } from "../workload/tasks.ts"

interface Latency {
  readonly name: string
  readonly tasks: number
  /** Milliseconds before each task. */
  readonly pause: number
  readonly warmUp: number
}

const all: ReadonlyArray<Latency> = [
  { name: "latency, back to back", tasks: 3000, pause: 0, warmUp: 2 },
  { name: "latency, after 3 ms idle", tasks: 150, pause: 3, warmUp: 1 }
]

const caseOf = ({ name, pause, tasks, warmUp }: Latency): Effect.Effect<Case, never, Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Layer.build(layer)
    const others = yield* openAll([...threadPools, rpc], (_, pool) => ({
      run: pool.runSequentially(increments, tasks, pause)
    }))
    const incs = Array.from({ length: tasks }, (_, i) => new Inc({ n: i + 1 }))
    const competitors: ReadonlyArray<Competitor> = [
      ...others,
      {
        name: PAPYROS,
        run: Effect.provideContext(runSequentially(incs, Number, pause), dispatcher),
        target: { [PISCINA]: "at most 1.2" }
      }
    ]
    return {
      name,
      ...workloadsOf(increments, inc)(tasks),
      metrics: LATENCIES,
      warmUp,
      baselines: [PISCINA],
      competitors
    }
  })

export const latencies = all.map((latency) => ({ name: latency.name, make: caseOf(latency) }))
