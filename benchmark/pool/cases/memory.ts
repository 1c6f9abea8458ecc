/**
 * The peak resident memory of a process that streams a million n + 1 and does nothing else.
 *
 * One round only: a run takes long, and its result varies little.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Case, Competitor } from "../../harness/model.ts"
import { compiled, moduleUrl } from "../../harness/modules.ts"
import { PAPYROS } from "../../harness/papyros.ts"
import { Tally } from "../../harness/tally.ts"
import { fromPromise } from "../../harness/timeout.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, PISCINA_PREFETCH } from "../competitors/threadPools.ts"

const NAME = "memory"
const MILLION = 1_000_000

/** In seconds. */
const RUN_TIMEOUT = 300

const child = (script: string, tasks: number, concurrentTasksPerWorker = 0): Pick<Competitor, "run" | "workload"> => ({
  workload: { tasks, expected: Tally.ofRange(2, tasks + 1) },
  run: fromPromise(async (signal) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        ...(compiled ? [] : ["--conditions=papyros-source"]),
        fileURLToPath(moduleUrl(`./memory/${script}.ts`, import.meta.url)),
        String(tasks),
        String(concurrentTasksPerWorker)
      ],
      { signal }
    )
    const [succeeded, sum, squares, bytes] = JSON.parse(stdout)
    return { tally: Tally.from(succeeded, sum, squares), values: [bytes / 1e6] }
  }, RUN_TIMEOUT)
})

const make = Effect.sync((): Case => ({
  name: NAME,
  tasks: MILLION,
  expected: Tally.ofRange(2, MILLION + 1),
  metrics: ["peak resident memory, MB"],
  rounds: 1,
  warmUp: 0,
  baselines: [PISCINA],
  competitors: [
    { name: PISCINA, ...child("piscina", MILLION, 1) },
    { name: PISCINA_PREFETCH, ...child("piscina", MILLION, 16) },
    { name: rpc.name, ...child("rpc", MILLION) },
    { name: PAPYROS, ...child("papyros", MILLION), target: { [PISCINA]: "at most 240 MB" } },
    {
      name: `${PAPYROS}, 10 million`,
      ...child("papyros", 10 * MILLION),
      target: { [PISCINA]: "at most 30 MB more than for 1 million" }
    }
  ]
}))

export const memory = { name: NAME, make }
