/** n + 1 in chunks: the cost of a chunk, and of a task, over the network. */
import * as Effect from "effect/Effect"
import type { Baseline, Case } from "../../harness/model.ts"
import { PAPYROS } from "../../harness/papyros.ts"
import { bullmqs } from "../competitors/bullmq.ts"
import { deployAll } from "../competitors/implementation.ts"
import { papyros, papyrosTls } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { incrementsWorkload } from "../workload/increments.ts"

const BEST = "BullMQ's best"

/** The target of a comparison that the report shows without setting one. */
const NONE = "none"

const bullmq: Baseline = { name: BEST, bestOf: bullmqs.map(({ name }) => name) }

interface Chunks {
  readonly name: string
  readonly size: number | "auto"
  /** Tasks in a run of the competitor with this name. */
  readonly tasks: (name: string) => number
  readonly target: Readonly<Record<string, string>>
}

const tasksOf = (ofPapyros: number, ofRpc: number, ofBullmq: number) => (name: string): number =>
  name.startsWith(PAPYROS) ? ofPapyros : name === rpc.name ? ofRpc : ofBullmq

const all: ReadonlyArray<Chunks> = [
  {
    name: "n + 1, chunks of 1",
    size: 1,
    tasks: tasksOf(3000, 20_000, 5000),
    target: { [rpc.name]: "at least 4,000 chunks/s (tasks/s)", [BEST]: NONE }
  },
  { name: "n + 1, chunks of 16", size: 16, tasks: tasksOf(40_000, 200_000, 80_000), target: { [BEST]: NONE } },
  {
    name: "n + 1, chunks of 256",
    size: 256,
    tasks: tasksOf(150_000, 500_000, 400_000),
    target: { [rpc.name]: "at least 200,000 tasks/s", [BEST]: NONE }
  },
  {
    name: "n + 1, automatic chunk size",
    size: "auto",
    tasks: tasksOf(200_000, 500_000, 5000),
    target: { [rpc.name]: "at least 300,000 tasks/s", [BEST]: "at least 5" }
  }
]

const caseOf = ({ name, size, target, tasks }: Chunks) =>
  Effect.gen(function*() {
    const competitors = yield* deployAll([...bullmqs, rpc, papyros, papyrosTls], (implementation, open) =>
      Effect.gen(function*() {
        const client = yield* open
        yield* client.ready
        const count = tasks(implementation.name)
        const competitor = { workload: incrementsWorkload(count), run: client.increments(count, size) }
        if (implementation === papyros) {
          return { ...competitor, target }
        }
        return implementation === papyrosTls
          ? { ...competitor, target: { [PAPYROS]: "none, shows the cost of TLS" } }
          : competitor
      }))
    return {
      name,
      ...incrementsWorkload(tasks(PAPYROS)),
      warmUp: 3,
      baselines: [rpc.name, bullmq, { name: PAPYROS, bestOf: [PAPYROS] }],
      competitors
    } satisfies Case
  })

export const increments = all.map((chunks) => ({ name: chunks.name, make: caseOf(chunks) }))
