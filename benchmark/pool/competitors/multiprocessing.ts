/**
 * CPython's `multiprocessing.Pool.imap_unordered`, in a Python process that lives as
 * long as its case. Timed from here: a line each way is 0.1 ms of a run.
 */
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Broken } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import { THREADS } from "../workload/concurrency.ts"
import { guard } from "./implementation.ts"

const script = fileURLToPath(new URL("./workers/increments.py", import.meta.url))

/** `undefined` if there is no Python on the PATH. */
export const version = (): string | undefined => {
  const { stdout } = spawnSync("python3", ["--version"], { encoding: "utf8" })
  return stdout?.trim() || undefined
}

const python = Effect.acquireRelease(
  Effect.sync(() => {
    const child = spawn("python3", [script, String(THREADS)], { stdio: ["pipe", "pipe", "inherit"] })
    // That it has ended is found out when it is read from.
    child.stdin.on("error", () => {})
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
  }),
  ({ child }) => Effect.sync(() => child.stdin.end())
)

/** Runs so many n + 1 with this chunk size. */
export const multiprocessing = Effect.gen(function*() {
  if (version() === undefined) {
    return (_tasks: number, _chunksize: number) => Effect.fail(new Broken({ message: "no python3 on the PATH" }))
  }
  const { child, lines } = yield* python
  return (tasks: number, chunksize: number) =>
    guard(async () => {
      child.stdin.write(`${tasks} ${chunksize}\n`)
      const { done, value } = await lines.next()
      if (done === true) throw new Error("python3 has ended")
      const [count, sum, squares] = value.split(" ").map(Number)
      return Tally.from(count, sum, squares)
    })
})
