/** An object of 10 KB in, a number out: what codecs and structured clone cost. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Case, Competitor } from "../../harness/model.ts"
import type { Load } from "../competitors/implementation.ts"
import { execute, layer, PAPYROS } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { peers, PISCINA } from "../competitors/threadPools.ts"
import { sum, type Table } from "../workload/functions.ts"
import { fromPeers, oracle } from "../workload/oracle.ts"
import { Sum } from "../workload/tasks.ts"

const NAME = "10 KB object in, number out"
const ROWS = 146

/** Tasks in a run. */
const FEW = 1500

/** More than any message holds, so that none holds one of them twice. */
const DISTINCT = 512

const table = (id: number): Table => ({
  id,
  kind: "bulk",
  rows: Array.from({ length: ROWS }, (_, i) => ({
    a: i + id,
    name: `row number ${i} of the payload ${id}`,
    ok: i % 2 === 0,
    f: i * 1.5
  }))
})

const make = Effect.gen(function*() {
  const dispatcher = yield* Layer.build(layer)
  const tables = Array.from({ length: DISTINCT }, (_, id) => table(id))
  const load: Load<"sum"> = { work: "sum", payload: (i) => tables[i % DISTINCT], outcome: Number, move: false }
  const sums = tables.map((table) => new Sum(table))
  const tasks = Array.from({ length: FEW }, (_, i) => sums[i % DISTINCT])
  const others = yield* fromPeers([...peers, rpc], (_, contestant) => ({ run: contestant.run(load, FEW) }))
  const competitors: ReadonlyArray<Competitor> = [
    ...others,
    {
      name: PAPYROS,
      run: Effect.provideContext(execute(tasks, Number), dispatcher),
      target: { [PISCINA]: "at least 1.2" }
    }
  ]
  return { name: NAME, ...oracle(load, sum)(FEW), warmUp: 2, baselines: [PISCINA], competitors } satisfies Case
})

export const objects = { name: NAME, make }
