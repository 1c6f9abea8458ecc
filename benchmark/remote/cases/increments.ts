/** n + 1 in chunks: what it costs to hand a chunk, and a task, out over the network. */
import * as Effect from "effect/Effect"
import type { Baseline, Case } from "../../harness/model.ts"
import { load } from "../../pool/cases/increments.ts"
import { inc } from "../../pool/workload/functions.ts"
import { oracle } from "../../pool/workload/oracle.ts"
import { bullmqs } from "../competitors/bullmq.ts"
import { fromPeers } from "../competitors/implementation.ts"
import { PAPYROS, papyros, papyrosTls } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"

const BEST = "BullMQ's best"

/** Compared all the same. */
const NONE = "none"

const bullmq: Baseline = { name: BEST, bestOf: bullmqs.map(({ name }) => name) }

interface Chunks {
  readonly name: string
  readonly size: number | "auto"
  /** Tasks in a run, by the name of the competitor. */
  readonly tasks: (name: string) => number
  readonly target: Readonly<Record<string, string>>
}

const of = (own: number, ofRpc: number, ofBullmq: number) => (name: string): number =>
  name.startsWith(PAPYROS) ? own : name === rpc.name ? ofRpc : ofBullmq

const all: ReadonlyArray<Chunks> = [
  {
    name: "n + 1, chunks of 1",
    size: 1,
    tasks: of(3000, 20_000, 5000),
    target: { [rpc.name]: "at least 4,000 chunks/s (tasks/s)", [BEST]: NONE }
  },
  { name: "n + 1, chunks of 16", size: 16, tasks: of(40_000, 200_000, 80_000), target: { [BEST]: NONE } },
  {
    name: "n + 1, chunks of 256",
    size: 256,
    tasks: of(150_000, 500_000, 400_000),
    target: { [rpc.name]: "at least 200,000 tasks/s", [BEST]: NONE }
  },
  {
    name: "n + 1, chunks that the dispatcher chooses",
    size: "auto",
    tasks: of(200_000, 500_000, 5000),
    target: { [rpc.name]: "at least 300,000 tasks/s", [BEST]: "at least 5" }
  }
]

const caseOf = ({ name, size, target, tasks }: Chunks) =>
  Effect.gen(function*() {
    const many = oracle(load, inc)
    const competitors = yield* fromPeers([...bullmqs, rpc, papyros, papyrosTls], (peer, open) =>
      Effect.gen(function*() {
        const client = yield* open
        yield* client.ready
        const count = tasks(peer.name)
        const own = { own: many(count), run: client.increments(count, size) }
        if (peer === papyros) return { ...own, target }
        return peer === papyrosTls ? { ...own, target: { [PAPYROS]: "what TLS costs" } } : own
      }))
    return {
      name,
      ...many(tasks(PAPYROS)),
      warmUp: 3,
      baselines: [rpc.name, bullmq, { name: PAPYROS, bestOf: [PAPYROS] }],
      competitors
    } satisfies Case
  })

export const increments = all.map((chunks) => ({ name: chunks.name, make: caseOf(chunks) }))
