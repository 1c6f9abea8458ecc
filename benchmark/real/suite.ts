/**
 * The real suite: functions that programs run in worker threads, on `WorkerPoolDispatcher`, on other thread pools and on
 * no pool. Each case is measured twice: in a warm pool, and from the start of a pool in a new process.
 *
 * Every competitor runs in a process of its own, of compiled modules: the processes of users have no type stripper,
 * which costs start and memory in every thread.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { globSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build } from "rolldown"
import { IN_FLIGHT, THREADS } from "../harness/concurrency.ts"
import type { Suite } from "../harness/model.ts"
import { packageVersion } from "../harness/versions.ts"
import { cold } from "./cases/cold.ts"
import { steady } from "./cases/steady.ts"
import { BUNDLED, NO_POOL, PAPYROS } from "./competitors/libraries.ts"
import type { Code } from "./competitors/processes.ts"
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

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** Compiles papyros into `dist`, and the modules of the competitors into `benchmark/dist`; bundles those of papyros. */
const compile = Effect.promise(async () => {
  for (const config of ["../../tsconfig.build.json", "tsconfig.json"]) {
    await promisify(execFile)(process.execPath, [path("../../node_modules/typescript/bin/tsc"), "-p", path(config)])
  }
  await bundle()
})

/** Bundles the process and the threads of papyros, without the libraries of the functions. */
const bundle = () => {
  const compiled = path("../dist/real")
  const threads = globSync("workload/threads/*.js", { cwd: compiled })
  return build({
    input: Object.fromEntries(["process.js", ...threads].map((file) => [file.slice(0, -3), `${compiled}/${file}`])),
    platform: "node",
    external: (id) => /^[a-z]/.test(id) && !/^(effect|papyros)\//.test(id),
    output: { dir: path("../dist/bundle"), chunkFileNames: "chunks/[name].js", minify: true }
  })
}

export const make = (code: Code): Effect.Effect<Suite> =>
  Effect.as(code === "compiled" ? compile : Effect.void, {
    name: "real",
    clock: "wall",
    settings: {
      versions: packages.map(packageVersion).join(", "),
      code,
      threads: THREADS,
      processes: "one for each competitor: for all rounds of a steady case, for one round of a cold case",
      tasksInFlight: `${IN_FLIGHT}, where the library leaves the limit to its caller`,
      [NO_POOL]: `the functions are called in the main thread, ${IN_FLIGHT} at a time if they return promises`,
      [PAPYROS]: "defaults, except for its size",
      [BUNDLED]: "the same, the program and its threads in one minified bundle with effect"
    },
    cases: inputs.flatMap((input) => [steady(input, code), cold(input, code)])
  })
