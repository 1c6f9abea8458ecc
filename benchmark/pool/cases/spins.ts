/**
 * Work that keeps a CPU busy. It is given in iterations, which were timed once, when
 * the machine had nothing else to do for this program: a task does not become shorter
 * because others use the CPU.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Task from "papyros/Task"
import type { Case, Competitor } from "../../harness/model.ts"
import { NO_POOL, noPool } from "../competitors/bareThreads.ts"
import type { Load, Peer } from "../competitors/implementation.ts"
import { execute, layer, PAPYROS } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { peers, PISCINA, PISCINA_AHEAD, TINYPOOL_AHEAD } from "../competitors/threadPools.ts"
import { spin } from "../workload/functions.ts"
import { fromPeers, oracle } from "../workload/oracle.ts"
import { Spin, SpinB, SpinC, SpinD } from "../workload/tasks.ts"

/** Iterations of `spin` in a microsecond: the fastest of some runs. */
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
 * Rounds that are not counted. What calls the loop decides when V8 compiles it for good: with tasks of 100 µs the
 * threads of papyros needed eight rounds, and until then a task took a tenth more of a CPU.
 */
const WARM_UP = 10

interface Spins {
  readonly name: string
  readonly tasks: number
  /** Of peers for which a run would take too long. */
  readonly peerTasks?: number
  readonly micros: (i: number) => number
  readonly make?: (i: number, payload: { readonly seed: number; readonly iterations: number }) => Task.Any
  readonly peers: ReadonlyArray<Peer>
  readonly target: Readonly<Record<string, string>>
}

const BEST = "piscina's best"

const every: ReadonlyArray<Peer> = [...peers, rpc]
const few = peers.filter(({ name }) => [PISCINA, PISCINA_AHEAD, TINYPOOL_AHEAD].includes(name))

const MIXED_TYPES = [{ type: Spin, micros: 5 }, { type: SpinB, micros: 20 }, { type: SpinC, micros: 100 }, {
  type: SpinD,
  micros: 500
}]

const all: ReadonlyArray<Spins> = [
  {
    name: "CPU, 10 µs",
    tasks: 30_000,
    peerTasks: 6000,
    micros: () => 10,
    peers: every,
    target: { [PISCINA]: "at least 6" }
  },
  { name: "CPU, 100 µs", tasks: 3000, micros: () => 100, peers: every, target: { [PISCINA]: "at least 1.5" } },
  {
    name: "CPU, 1 ms",
    tasks: 400,
    micros: () => 1000,
    peers: every,
    target: { [BEST]: "at least 0.97", [NO_POOL]: "at least 0.93" }
  },
  {
    name: "CPU, 99 % 20 µs, 1 % 10 ms",
    tasks: 3000,
    micros: (i) => i % 100 === 50 ? 10_000 : 20,
    peers: few,
    target: {}
  },
  {
    name: "CPU, 20,000 of 5 µs, then 200 of 1 ms",
    tasks: 20_200,
    micros: (i) => i < 20_000 ? 5 : 1000,
    peers: few,
    target: { [NO_POOL]: "at least 0.9" }
  },
  {
    name: "CPU, four types: 5, 20, 100 and 500 µs",
    tasks: 2000,
    micros: (i) => MIXED_TYPES[i % MIXED_TYPES.length].micros,
    make: (i, payload) => new MIXED_TYPES[i % MIXED_TYPES.length].type(payload),
    peers: few,
    target: {}
  }
]

const caseOf = (perMicro: number, spins: Spins): Effect.Effect<Case, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { name, target, tasks } = spins
    const payload = (i: number) => ({ seed: i + 1, iterations: Math.round(spins.micros(i) * perMicro) })
    const payloads = Array.from({ length: tasks }, (_, i) => payload(i))
    const load: Load<"spin"> = { work: "spin", payload: (i) => payloads[i], outcome: Number, move: false }
    const many = oracle(load, spin)
    const make = spins.make ?? ((_, payload) => new Spin(payload))
    const dispatcher = yield* Layer.build(layer)
    const ideal = yield* noPool
    const peerTasks = spins.peerTasks ?? tasks
    const others = yield* fromPeers(spins.peers, (_, contestant) => ({
      own: many(peerTasks),
      run: contestant.run(load, peerTasks)
    }))
    const competitors: ReadonlyArray<Competitor> = [
      ...others,
      { name: NO_POOL, run: ideal(load, tasks) },
      {
        name: PAPYROS,
        run: Effect.provideContext(execute(payloads.map((payload, i) => make(i, payload)), Number), dispatcher),
        target
      }
    ]
    return {
      name,
      ...many(tasks),
      warmUp: WARM_UP,
      baselines: [PISCINA, NO_POOL, ...(BEST in target ? [{ name: BEST, bestOf: [PISCINA, PISCINA_AHEAD] }] : [])],
      competitors
    }
  })

export const spins = (perMicro: number) => all.map((spins) => ({ name: spins.name, make: caseOf(perMicro, spins) }))
