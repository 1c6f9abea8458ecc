/**
 * CPython's `multiprocessing.Pool.imap_unordered`, in a Python process that lives as long as its case.
 *
 * The clock runs in this process. The request and the reply, one line each, add 0.1 ms to a run.
 */
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { THREADS } from "../../harness/concurrency.ts"
import { CompetitorError } from "../../harness/model.ts"
import { repositoryUrl } from "../../harness/modules.ts"
import { Tally } from "../../harness/tally.ts"
import { fromPromise } from "../../harness/timeout.ts"

const script = fileURLToPath(repositoryUrl("benchmark/pool/competitors/workers/increments.py"))

/** `undefined` without a `python3` on the PATH. */
export const version = (): string | undefined => {
  const { stdout } = spawnSync("python3", ["--version"], { encoding: "utf8" })
  return stdout?.trim() || undefined
}

const python = Effect.acquireRelease(
  Effect.sync(() => {
    const child = spawn("python3", [script, String(THREADS)], { stdio: ["pipe", "pipe", "inherit"] })
    // The exit of the process shows when the next line is read.
    child.stdin.on("error", () => {})
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
  }),
  ({ child }) => Effect.sync(() => child.stdin.end())
)

/** Returns a function that runs `tasks` increments with a chunk size. */
export const multiprocessing = Effect.gen(function*() {
  if (version() === undefined) {
    return (_tasks: number, _chunksize: number) =>
      Effect.fail(new CompetitorError({ message: "no python3 on the PATH" }))
  }
  const { child, lines } = yield* python
  return (tasks: number, chunksize: number) =>
    fromPromise(async () => {
      child.stdin.write(`${tasks} ${chunksize}\n`)
      const { done, value } = await lines.next()
      if (done === true) throw new Error("python3 has ended")
      const [count, sum, squares] = value.split(" ").map(Number)
      return Tally.from(count, sum, squares)
    })
})
