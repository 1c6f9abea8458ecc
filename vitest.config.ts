import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import * as Chromium from "./test/support/browser/chromium.ts"
import { bundled } from "./test/support/bundle/bundle.ts"
import { isAvailable, MISSING } from "./test/support/postgres/binaries.ts"
import "./test/support/process/compileCache.ts"

// `papyros/Task` and its kin mean the sources: here for vitest, and in `execArgv` for modules that Node loads by
// itself in a test (a handlers module in a worker thread).
const conditions = ["papyros-source"]

const include = ["test/**/*.test.ts"]

const compileCache = new URL("./test/support/process/compileCache.ts", import.meta.url).pathname
const leftovers = new URL("./test/support/process/leftovers.ts", import.meta.url).pathname

const alone = [
  // It replaces a module.
  "test/DurableLaws.test.ts",
  // They measure the memory of their process.
  "test/internal/remote/transport/listen.test.ts",
  "test/internal/retention.test.ts",
  // Playwright replaces functions of its process.
  "test/Dashboard.test.ts",
  "test/page/bars.test.ts",
  "test/chaos/dashboard.test.ts",
  "test/browserExample.test.ts",
  // The native library of sharp sets a variable of the environment.
  "test/benchmark/real.test.ts"
]

/** Files that start processes and threads, or test the laws, come first: they take the longest, whatever their size. */
class HeaviestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const folders =
      "benchmark/soak|chaos|cli|fuzz|layers|testing|internal/(?:cluster|threads|remote(?:/transport|/worker)?)"
    const heavy = new RegExp(`/test/(?:(?:${folders})/)?[a-z]\\w*\\.test\\.ts$|/cost\\.test\\.ts$`, "i")
    const isLight = ({ moduleId, project }: TestSpecification) =>
      Number(project.name === "shared" && !heavy.test(moduleId))
    return (await super.sort(files)).toSorted((a, b) => isLight(a) - isLight(b))
  }
}

if (!isAvailable) console.warn(MISSING)
if (!Chromium.isAvailable) console.warn(Chromium.MISSING)

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      // A process runs many files, and loads effect and the sources once: half of the time of most files.
      {
        extends: true,
        test: { name: "shared", include, exclude: alone, isolate: false, setupFiles: [compileCache, leftovers] }
      },
      { extends: true, test: { name: "alone", include: alone, setupFiles: [compileCache] } }
    ],
    pool: "forks",
    // Many tests wait for processes, threads or time: more files than cores keep the cores busy.
    maxWorkers: 2 * availableParallelism(),
    sequence: { sequencer: HeaviestFirst },
    // The bundle is made once, when this file is loaded.
    watch: false,
    // Tests that pass print nothing.
    silent: "passed-only",
    // Threads start in a fifth less CPU time: V8 does not begin with a young generation of 1 MB, which it collects often.
    execArgv: [...conditions.map((condition) => `--conditions=${condition}`), "--min-semi-space-size=16"],
    env: { NODE_OPTIONS: await bundled() },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // Modules of worker threads, where coverage does not look.
      exclude: ["src/internal/threads/thread/**"],
      reporter: ["text-summary", "lcov"],
      thresholds: { statements: 90, branches: 85 }
    }
  }
})
