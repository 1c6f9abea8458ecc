/** The cost of a task does not grow with the number of tasks, executions, queues or runs that are open. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** The steps for each task in a small and in a large workload, by the name of the workload. */
const measure = async (...args: ReadonlyArray<string>) => {
  const program = fileURLToPath(new URL("cost/program.ts", import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=papyros-source", program, ...args], {
    // The program counts the steps of each source file, which it has to load and compile as they are.
    env: { ...process.env, NODE_OPTIONS: "", NODE_DISABLE_COMPILE_CACHE: "1" }
  })
  return Object.entries(JSON.parse(stdout) as Record<string, readonly [small: number, large: number]>)
}

/** The steps of one task differ a little: some are taken once for all tasks of a chunk, or of an execution. */
const MAX_GROWTH = 1.25

describe("The cost of a task", () => {
  it("does not grow with the number of tasks and of what is open", async () => {
    const workloads = await measure()
    assert.isAtLeast(workloads.length, 7)
    for (const [name, [small, large]] of workloads) {
      assert.isAbove(small, 10, name)
      assert.isBelow(large / small, MAX_GROWTH, name)
    }
  }, 60_000)

  it("is found to grow where each release of a task looks at all that were released before", async () => {
    const grown = (await measure("broken")).filter(([, [small, large]]) => large / small > MAX_GROWTH)
    assert.isAtLeast(grown.length, 6)
  }, 60_000)
})
