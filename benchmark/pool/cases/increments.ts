/** n + 1: nothing but what it costs to hand a task out. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Baseline, Case, Competitor } from "../../harness/model.ts"
import type { Load, Peer } from "../competitors/implementation.ts"
import { multiprocessing } from "../competitors/multiprocessing.ts"
import { execute, layer, PAPYROS } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { peers, PISCINA } from "../competitors/threadPools.ts"
import { inc } from "../workload/functions.ts"
import { fromPeers, oracle } from "../workload/oracle.ts"
import { Inc, IncB, IncC, IncD } from "../workload/tasks.ts"

const NAME = "n + 1"
const BEST = "best peer"
const PYTHON_1 = "multiprocessing, chunks of 1"
const PYTHON_256 = "multiprocessing, chunks of 256"

/** Tasks in a run. */
const FEW = 8000
const SOME = 60_000
const MANY = 300_000

export const load: Load<"inc"> = { work: "inc", payload: (i) => i + 1, outcome: Number, move: false }

const many = oracle(load, inc)

const classes = [Inc, IncB, IncC, IncD]

const make = Effect.gen(function*() {
  const dispatcher = yield* Layer.build(layer)
  const python = yield* multiprocessing
  const all: ReadonlyArray<Peer> = [...peers, rpc]
  const others = yield* fromPeers(all, (_, contestant) => ({ run: contestant.run(load, FEW) }))
  const tasks = Array.from({ length: MANY }, (_, i) => new Inc({ n: i + 1 }))
  const mixed = Array.from({ length: MANY }, (_, i) => new classes[i % classes.length]({ n: i + 1 }))
  const competitors: ReadonlyArray<Competitor> = [
    ...others,
    { name: PYTHON_1, own: many(20_000), run: python(20_000, 1) },
    { name: PYTHON_256, own: many(2 * MANY), run: python(2 * MANY, 256) },
    {
      name: `${PAPYROS}, chunks of 1`,
      own: many(SOME),
      run: Effect.provideContext(execute(tasks.slice(0, SOME), Number, { chunkSize: 1 }), dispatcher),
      target: { [PISCINA]: "at least 5", [BEST]: "at least 1.2", [PYTHON_1]: "at least 1" }
    },
    {
      name: PAPYROS,
      own: many(MANY),
      run: Effect.provideContext(execute(tasks, Number), dispatcher),
      target: { [PISCINA]: "at least 50" }
    },
    {
      name: `${PAPYROS}, four types`,
      own: many(MANY),
      run: Effect.provideContext(execute(mixed, Number), dispatcher),
      target: { [PISCINA]: "at least 40", [PAPYROS]: "at least 0.8", [PYTHON_256]: "at least 1, if it can be had" }
    },
    {
      name: `${PAPYROS}, tasks built in the stream`,
      own: many(MANY),
      run: Effect.provideContext(
        execute(Stream.map(Stream.range(1, MANY), (n) => new Inc({ n })), Number),
        dispatcher
      )
    }
  ]
  return {
    name: NAME,
    ...many(FEW),
    warmUp: 3,
    baselines: [
      PISCINA,
      { name: BEST, bestOf: all.map(({ name }) => name) },
      alone(PYTHON_1),
      alone(PYTHON_256),
      alone(PAPYROS)
    ],
    competitors
  } satisfies Case
})

const alone = (name: string): Baseline => ({ name, bestOf: [name] })

export const increments = { name: NAME, make }
