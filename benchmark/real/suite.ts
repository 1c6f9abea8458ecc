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
  causes: [
    "Start: papyros loads the modules of effect, in the main thread and in each thread; that is most of the first second. " +
    "A bundle loads in a quarter of the time, and a program on Effect has loaded effect in its main thread anyway.",
    "Bytes and images, not bundled: the bytes of a payload become garbage in the thread, and V8 collects the whole heap " +
    "of the thread after 30 to 40 MB of them. The modules of effect make that heap 16 MB large; it has 4 MB in a thread of " +
    "piscina, and 7 MB in a bundle.",
    "TypeScript files: the syntax tree of a file outlives collections of the young generation, which copy it. A thread of " +
    "papyros has a young generation of 24 MB, and V8's default, which piscina has, grows further: each thread then takes half " +
    "the time for collections, and 110 to 160 MB more memory. With `resourceLimits: { maxYoungGenerationSizeMb: 144 }` papyros " +
    "takes 7 to 18 % less CPU time, and 3 to 5 % more than piscina.",
    "JSON values: the constructor of the task checks the tree, which takes a tenth of the time of the main thread."
  ],
  cases: inputs.flatMap((input) => [steady(input), cold(input)])
})
