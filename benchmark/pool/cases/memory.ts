/**
 * The most resident memory of a process that streams a million n + 1 and does nothing
 * else. Once: it takes long and hardly varies.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Case, Competitor } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import { guard } from "../competitors/implementation.ts"
import { PAPYROS } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, PISCINA_AHEAD } from "../competitors/threadPools.ts"

const NAME = "memory"
const MILLION = 1_000_000
const LONGEST_RUN = 300

const increments = (tasks: number): Tally => {
  const tally = new Tally()
  for (let n = 2; n <= tasks + 1; n++) tally.success(n)
  return tally
}

const child = (script: string, tasks: number, setting = 0): Pick<Competitor, "own" | "run"> => ({
  own: { tasks, expected: increments(tasks) },
  run: guard(async (signal) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        "--conditions=papyros-source",
        fileURLToPath(new URL(`./memory/${script}.ts`, import.meta.url)),
        String(tasks),
        String(setting)
      ],
      { signal }
    )
    const [succeeded, sum, squares, bytes] = JSON.parse(stdout)
    return { tally: Tally.from(succeeded, sum, squares), figures: [bytes / 1e6] }
  }, LONGEST_RUN)
})

const make = Effect.sync((): Case => ({
  name: NAME,
  tasks: MILLION,
  expected: increments(MILLION),
  figures: ["most resident memory, MB"],
  rounds: 1,
  warmUp: 0,
  baselines: [PISCINA],
  competitors: [
    { name: PISCINA, ...child("piscina", MILLION, 1) },
    { name: PISCINA_AHEAD, ...child("piscina", MILLION, 16) },
    { name: rpc.name, ...child("rpc", MILLION) },
    { name: PAPYROS, ...child("papyros", MILLION), target: { [PISCINA]: "at most 250 MB" } },
    {
      name: `${PAPYROS}, 10 million`,
      ...child("papyros", 10 * MILLION),
      target: { [PISCINA]: "at most 30 MB more than for 1 million" }
    }
  ]
}))

export const memory = { name: NAME, make }
