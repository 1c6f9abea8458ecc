import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

// `papyros/Task` and its kin mean the sources: here for vitest, and in `execArgv` for what Node loads by
// itself in a test (a handlers module in a worker thread).
const conditions = ["papyros-source"]

// Worker threads load the sources again and again: from this cache it takes half the time.
process.env.NODE_COMPILE_CACHE ??= new URL("./node_modules/.cache/compile", import.meta.url).pathname

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Many tests wait for processes, threads or time: more files than cores keep the cores busy.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    // What passes prints nothing.
    silent: "passed-only",
    execArgv: conditions.map((condition) => `--conditions=${condition}`),
    // With coverage vitest turns the cache off, which concerns only its own threads and processes.
    env: { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE: "" },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // What runs only in worker threads, where coverage does not look.
      exclude: ["src/internal/threads/thread/**"],
      reporter: ["text-summary", "lcov"],
      thresholds: { statements: 90, branches: 85 }
    }
  }
})
