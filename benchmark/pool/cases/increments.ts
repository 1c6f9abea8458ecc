/** n + 1: the cost of handing out a task, because the work of a task is next to nothing. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Baseline, Case } from "../../harness/model.ts"
import { execute, PAPYROS } from "../../harness/papyros.ts"
import { openAll, type PoolImplementation } from "../competitors/implementation.ts"
import { multiprocessing } from "../competitors/multiprocessing.ts"
import { layer } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, threadPools } from "../competitors/threadPools.ts"
import { inc } from "../workload/functions.ts"
import { workloadsOf } from "../workload/oracle.ts"
import * as TaskInput from "../workload/taskInput.ts"
import { Inc, IncB, IncC, IncD } from "../workload/tasks.ts"

const NAME = "n + 1"
const BEST = "best other library"
const PYTHON_1 = "multiprocessing, chunks of 1"
const PYTHON_256 = "multiprocessing, chunks of 256"

/** Tasks in a run: of the slowest competitors, with chunks of 1, and of the fastest. */
const FEW = 8000
const SOME = 60_000
const MANY = 300_000

const workload = workloadsOf(TaskInput.increments, inc)

const classes = [Inc, IncB, IncC, IncD]

const make = Effect.gen(function*() {
  const dispatcher = yield* Layer.build(layer)
  const python = yield* multiprocessing
  const implementations: ReadonlyArray<PoolImplementation> = [...threadPools, rpc]
  const others = yield* openAll(implementations, (_, pool) => ({ run: pool.run(TaskInput.increments, FEW) }))
  const tasks = Array.from({ length: MANY }, (_, i) => new Inc({ n: i + 1 }))
  const mixed = Array.from({ length: MANY }, (_, i) => new classes[i % classes.length]({ n: i + 1 }))
  return {
    name: NAME,
    ...workload(FEW),
    warmUp: 3,
    baselines: [
      PISCINA,
      { name: BEST, bestOf: implementations.map(({ name }) => name) },
      targetsOnly(PYTHON_1),
      targetsOnly(PYTHON_256),
      targetsOnly(PAPYROS)
    ],
    competitors: [
      ...others,
      { name: PYTHON_1, workload: workload(20_000), run: python(20_000, 1) },
      { name: PYTHON_256, workload: workload(2 * MANY), run: python(2 * MANY, 256) },
      {
        name: `${PAPYROS}, chunks of 1`,
        workload: workload(SOME),
        run: Effect.provideContext(execute(tasks.slice(0, SOME), Number, { chunkSize: 1 }), dispatcher),
        target: { [PISCINA]: "at least 18", [BEST]: "at least 1.2", [PYTHON_1]: "at least 1" }
      },
      {
        name: PAPYROS,
        workload: workload(MANY),
        run: Effect.provideContext(execute(tasks, Number), dispatcher),
        target: { [PISCINA]: "at least 60", [PYTHON_256]: "at least 1" }
      },
      {
        name: `${PAPYROS}, four types`,
        workload: workload(MANY),
        run: Effect.provideContext(execute(mixed, Number), dispatcher),
        target: { [PISCINA]: "at least 40", [PAPYROS]: "at least 0.8" }
      },
      {
        name: `${PAPYROS}, tasks built in the stream`,
        workload: workload(MANY),
        run: Effect.provideContext(
          execute(Stream.map(Stream.range(1, MANY), (n) => new Inc({ n })), Number),
          dispatcher
        )
      }
    ]
  } satisfies Case
})

/** A baseline that gets no column of its own: its ratios appear only among the targets. */
const targetsOnly = (name: string): Baseline => ({ name, bestOf: [name] })

export const increments = { name: NAME, make }
