/** The soak as a program, for some seconds: too short for a verdict on small leaks, but not on a large one. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { isChaos } from "../../support/effort.ts"

const soak = Effect.fnUntraced(function*(args: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const child = yield* spawner.spawn(ChildProcess.make(
    process.execPath,
    ["--conditions=papyros-source", "--expose-gc", "benchmark/main.ts", "soak", ...args],
    { stdin: "ignore" }
  ))
  const [output, exitCode] = yield* Effect.all(
    [Stream.mkString(Stream.decodeText(child.all)), child.exitCode],
    { concurrency: "unbounded" }
  )
  const samples = Array.from(
    output.matchAll(/^ +(\d+\.\d\d) +(\d+) /gm),
    ([, minute, tasks]) => ({ minute: Number(minute), tasks: Number(tasks) })
  )
  const slope = Number(/^ {2}heap +(\S+)/m.exec(output)?.[1])
  return { output, exitCode: Number(exitCode), samples, slope, faults: output.match(/^FAULT: .*/gm) ?? [] }
}, Effect.scoped)

const MIN_SAMPLES = 6

/** Bytes of every task. */
const LEAK = 50_000

layer(NodeServices.layer, { excludeTestServices: true })("The soak", (it) => {
  // Takes as long as the longest of its scenarios.
  it.effect.runIf(isChaos)(
    "finds no mistake and nothing left over, on pools of worker threads",
    () =>
      Effect.gen(function*() {
        const { exitCode, faults, output, samples } = yield* soak([
          "--minutes",
          "0.02",
          "--dispatcher",
          "pool",
          "--seed",
          "3"
        ])
        assert.match(output, / 0 mistakes$/m)
        assert.strictEqual(samples.length, MIN_SAMPLES, output)
        assert.isAbove(samples[MIN_SAMPLES - 1].tasks, 100)
        // The code that warms up in a run this short may look like a leak.
        assert.deepStrictEqual(faults.filter((fault) => !/^FAULT: (heap|threadHeap) grows/.test(fault)), [])
        assert.strictEqual(exitCode, faults.length === 0 ? 0 : 1)
      }),
    240_000
  )

  it.effect("fails when memory of every task is retained, and measures how much", () =>
    Effect.gen(function*() {
      const { exitCode, faults, output, samples, slope } = yield* soak(
        ["--minutes", "0.15", "--dispatcher", "fiber", "--seed", "3", "--leak", String(LEAK)]
      )
      assert.strictEqual(exitCode, 1)
      assert.match(faults.join(), /heap grows by/)
      const [first, last] = [samples[1], samples[MIN_SAMPLES - 1]]
      const rate = LEAK * (last.tasks - first.tasks) / (last.minute - first.minute)
      assert.isAbove(slope, 0.4 * rate, output)
      assert.isBelow(slope, 2.5 * rate, output)
    }), 120_000)
})
