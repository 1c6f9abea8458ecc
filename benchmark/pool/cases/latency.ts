/** How long one task takes for the caller that waits for it, with nothing else to do. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Case, Competitor } from "../../harness/model.ts"
import { layer, oneByOne, PAPYROS } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { peers, PISCINA } from "../competitors/threadPools.ts"
import { inc } from "../workload/functions.ts"
import { fromPeers, oracle } from "../workload/oracle.ts"
import { Inc } from "../workload/tasks.ts"
import { load } from "./increments.ts"

interface Latency {
  readonly name: string
  readonly tasks: number
  /** Milliseconds before each task. */
  readonly pause: number
  readonly warmUp: number
}

const all: ReadonlyArray<Latency> = [
  { name: "latency, back to back", tasks: 3000, pause: 0, warmUp: 2 },
  { name: "latency, after 3 ms of nothing", tasks: 150, pause: 3, warmUp: 1 }
]

const caseOf = ({ name, pause, tasks, warmUp }: Latency): Effect.Effect<Case, never, Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Layer.build(layer)
    const others = yield* fromPeers([...peers, rpc], (_, contestant) => ({
      run: contestant.oneByOne(load, tasks, pause)
    }))
    const incs = Array.from({ length: tasks }, (_, i) => new Inc({ n: i + 1 }))
    const competitors: ReadonlyArray<Competitor> = [
      ...others,
      {
        name: PAPYROS,
        run: Effect.provideContext(oneByOne(incs, Number, pause), dispatcher),
        target: { [PISCINA]: "at most 1.2" }
      }
    ]
    return {
      name,
      ...oracle(load, inc)(tasks),
      figures: ["median, µs", "99th percentile, µs"],
      warmUp,
      baselines: [PISCINA],
      competitors
    }
  })

export const latencies = all.map((latency) => ({ name: latency.name, make: caseOf(latency) }))
