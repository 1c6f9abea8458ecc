/**
 * The real suite: functions that programs run in worker threads, on `WorkerPoolDispatcher`, on other thread pools and on
 * no pool. Each case is measured twice: in a warm pool, and from the start of a pool in a new process.
 *
 * Every competitor runs in a process of its own.
 */
import * as Effect from "effect/Effect"
import { IN_FLIGHT, THREADS } from "../harness/concurrency.ts"
import type { Suite } from "../harness/model.ts"
import { packageVersion } from "../harness/versions.ts"
import { cold } from "./cases/cold.ts"
import { steady } from "./cases/steady.ts"
import { bundle } from "./competitors/bundle.ts"
import { BUNDLED, NO_POOL, PAPYROS } from "./competitors/libraries.ts"
import { inputs } from "./workload/inputs.ts"

const packages = [
  "piscina",
  "tinypool",
  "workerpool",
  "effect",
  "marked",
  "typescript6",
  "csv-parse",
  "sharp",
  "rolldown"
]

export const make: Effect.Effect<Suite> = Effect.as(bundle, {
  name: "real",
  clock: "wall",
  settings: {
    versions: packages.map(packageVersion).join(", "),
    threads: THREADS,
    processes: "one for each competitor: for all rounds of a steady case, for one round of a cold case",
    tasksInFlight: `${IN_FLIGHT}, where the library leaves the limit to its caller`,
    [NO_POOL]: `the functions are called in the main thread, ${IN_FLIGHT} at a time if they return promises`,
    [PAPYROS]: "defaults, except for its size",
    [BUNDLED]: "the same, the program and its threads in one minified bundle with effect"
  },
  cases: inputs.flatMap((input) => [steady(input), cold(input)])
})
