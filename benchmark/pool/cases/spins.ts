/**
 * Tasks that keep a CPU busy.
 *
 * The work of a task is a number of iterations, calibrated once while the benchmark itself is idle: on a busy CPU a
 * task of a fixed duration would do less work.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Task from "papyros/Task"
import type { Case, Competitor } from "../../harness/model.ts"
import { execute, PAPYROS } from "../../harness/papyros.ts"
import { BARE_THREADS, bareThreads } from "../competitors/bareThreads.ts"
import { openAll, type PoolImplementation } from "../competitors/implementation.ts"
import { layer } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, PISCINA_PREFETCH, threadPools, TINYPOOL_PREFETCH } from "../competitors/threadPools.ts"
import { spin } from "../workload/functions.ts"
import { workloadsOf } from "../workload/oracle.ts"
import type { TaskInput } from "../workload/taskInput.ts"
import { Spin, SpinB, SpinC, SpinD } from "../workload/tasks.ts"

/** Iterations of `spin` per microsecond: the fastest of 50 runs. */
export const calibrate = Effect.sync((): number => {
  const iterations = 200_000
  const millis = Array.from({ length: 50 }, (_, i) => {
    const before = performance.now()
    spin({ seed: i + 1, iterations })
    return performance.now() - before
  })
  return iterations / (1000 * Math.min(...millis))
})

/**
 * Rounds that are not counted. The caller of the loop decides when V8 compiles it for the last time: with tasks of
 * 100 µs the threads of papyros needed eight rounds, and a task took a tenth more CPU time until then.
 */
const WARM_UP = 10

interface SpinCase {
  readonly name: string
  readonly tasks: number
  /** Tasks of the other implementations, where a run of `tasks` would take too long. */
  readonly tasksOfOthers?: number
  readonly micros: (i: number) => number
  readonly make?: (i: number, payload: { readonly seed: number; readonly iterations: number }) => Task.Any
  readonly others: ReadonlyArray<PoolImplementation>
  readonly target: Readonly<Record<string, string>>
}

const BEST = "piscina's best"

const allPools: ReadonlyArray<PoolImplementation> = [...threadPools, rpc]
const somePools = threadPools.filter(({ name }) => [PISCINA, PISCINA_PREFETCH, TINYPOOL_PREFETCH].includes(name))

const MIXED_TYPES = [{ type: Spin, micros: 5 }, { type: SpinB, micros: 20 }, { type: SpinC, micros: 100 }, {
  type: SpinD,
  micros: 500
}]

const all: ReadonlyArray<SpinCase> = [
  {
    name: "CPU, 10 µs",
    tasks: 30_000,
    tasksOfOthers: 6000,
    micros: () => 10,
    others: allPools,
    target: { [PISCINA]: "at least 6" }
  },
  { name: "CPU, 100 µs", tasks: 3000, micros: () => 100, others: allPools, target: { [PISCINA]: "at least 1.45" } },
  {
    name: "CPU, 1 ms",
    tasks: 400,
    micros: () => 1000,
    others: allPools,
    target: { [BEST]: "at least 1", [BARE_THREADS]: "at least 0.94" }
  },
  {
    name: "CPU, 99 % 20 µs, 1 % 10 ms",
    tasks: 3000,
    micros: (i) => i % 100 === 50 ? 10_000 : 20,
    others: somePools,
    target: {}
  },
  {
    name: "CPU, 20,000 of 5 µs, then 200 of 1 ms",
    tasks: 20_200,
    micros: (i) => i < 20_000 ? 5 : 1000,
    others: somePools,
    target: { [BARE_THREADS]: "at least 0.9" }
  },
  {
    name: "CPU, four types: 5, 20, 100 and 500 µs",
    tasks: 2000,
    micros: (i) => MIXED_TYPES[i % MIXED_TYPES.length].micros,
    make: (i, payload) => new MIXED_TYPES[i % MIXED_TYPES.length].type(payload),
    others: somePools,
    target: {}
  }
]

const caseOf = (perMicro: number, spins: SpinCase): Effect.Effect<Case, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { name, target, tasks } = spins
    const payload = (i: number) => ({ seed: i + 1, iterations: Math.round(spins.micros(i) * perMicro) })
    const payloads = Array.from({ length: tasks }, (_, i) => payload(i))
    const input: TaskInput<"spin"> = {
      function: "spin",
      payload: (i) => payloads[i],
      toNumber: Number,
      transfer: false
    }
    const workload = workloadsOf(input, spin)
    const make = spins.make ?? ((_, payload) => new Spin(payload))
    const dispatcher = yield* Layer.build(layer)
    const runBare = yield* bareThreads
    const tasksOfOthers = spins.tasksOfOthers ?? tasks
    const others = yield* openAll(spins.others, (_, pool) => ({
      workload: workload(tasksOfOthers),
      run: pool.run(input, tasksOfOthers)
    }))
    const competitors: ReadonlyArray<Competitor> = [
      ...others,
      { name: BARE_THREADS, run: runBare(input, tasks) },
      {
        name: PAPYROS,
        run: Effect.provideContext(execute(payloads.map((payload, i) => make(i, payload)), Number), dispatcher),
        target
      }
    ]
    return {
      name,
      ...workload(tasks),
      warmUp: WARM_UP,
      baselines: [
        PISCINA,
        BARE_THREADS,
        ...(BEST in target ? [{ name: BEST, bestOf: [PISCINA, PISCINA_PREFETCH] }] : [])
      ],
      competitors
    }
  })

export const spins = (perMicro: number) => all.map((spins) => ({ name: spins.name, make: caseOf(perMicro, spins) }))
