/** An object of 10 KB in, a number out: the cost of codecs and of structured clone. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Case } from "../../harness/model.ts"
import { execute, PAPYROS } from "../../harness/papyros.ts"
import { openAll } from "../competitors/implementation.ts"
import { layer } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, threadPools } from "../competitors/threadPools.ts"
import { sum, type Table } from "../workload/functions.ts"
import { workloadsOf } from "../workload/oracle.ts"
import type { TaskInput } from "../workload/taskInput.ts"
import { Sum } from "../workload/tasks.ts"

const NAME = "10 KB object in, number out"
const ROWS = 146

/** Tasks in a run. */
const TASKS = 1500

/** More objects than fit into any message, so that no message holds the same object twice. */
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
  const input: TaskInput<"sum"> = {
    function: "sum",
    payload: (i) => tables[i % DISTINCT],
    toNumber: Number,
    transfer: false
  }
  const sums = tables.map((table) => new Sum(table))
  const tasks = Array.from({ length: TASKS }, (_, i) => sums[i % DISTINCT])
  const others = yield* openAll([...threadPools, rpc], (_, pool) => ({ run: pool.run(input, TASKS) }))
  return {
    name: NAME,
    ...workloadsOf(input, sum)(TASKS),
    warmUp: 2,
    baselines: [PISCINA],
    competitors: [
      ...others,
      {
        name: PAPYROS,
        run: Effect.provideContext(execute(tasks, Number), dispatcher),
        target: { [PISCINA]: "at least 1.2" }
      }
    ]
  } satisfies Case
})

export const objects = { name: NAME, make }
