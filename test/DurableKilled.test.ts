import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { emptyDatabase, temporaryFile } from "./support/durable/stores.ts"
import { isChaos } from "./support/effort.ts"
import { isAvailable } from "./support/postgres/binaries.ts"

const program = fileURLToPath(new URL("./support/durable/program.ts", import.meta.url))

const [KILLS, COUNT] = isChaos ? [20, 10_000] : [3, 2000]

const numbersIn = (text: string): ReadonlyArray<number> => text.split("\n").slice(0, -1).map(Number)

/** Runs the program, and kills it when it has printed so many results. Returns those that it printed. */
const runProgram = (database: string, starts: string, killAfter: number) =>
  Effect.callback<{ readonly numbers: ReadonlyArray<number>; readonly code: number | null; readonly stderr: string }>(
    (resume) => {
      // It may go on before it is killed, but does not end.
      const most = killAfter + COUNT / (6 * KILLS)
      const args = [program, starts, COUNT, most].map(String)
      const env = { ...process.env, PAPYROS_DATABASE: database }
      const child = spawn(process.execPath, ["--conditions=papyros-source", ...args], { env })
      let [stdout, stderr] = ["", ""]
      child.stderr.on("data", (text) => stderr += text)
      child.stdout.on("data", (text) => {
        stdout += text
        if (numbersIn(stdout).length >= killAfter) child.kill("SIGKILL")
      })
      child.on("close", (code) => resume(Effect.succeed({ numbers: numbersIn(stdout), code, stderr })))
      return Effect.sync(() => child.kill("SIGKILL"))
    }
  )

/** Databases of their own. */
const databases: Readonly<Record<string, Effect.Effect<string, never, Scope.Scope>>> = {
  "in a file": temporaryFile,
  ...(isAvailable ? { "on Postgres": emptyDatabase } : {})
}

describe.each(Object.entries(databases))("A durable run %s", (_, database) => {
  it.live(
    `whose program is killed ${KILLS} times gives every result, and starts nothing again that it gave`,
    () =>
      Effect.gen(function*() {
        const url = yield* database
        const starts = `${yield* temporaryFile}.starts`
        const started = () => existsSync(starts) ? numbersIn(readFileSync(starts, "utf8")) : []
        const given = new Set<number>()
        const restarted: Array<number> = []
        for (let kill = 0; kill <= KILLS; kill++) {
          const before = started().length
          // A program that is killed gets what is stored first, and then some more.
          const killAfter = kill === KILLS ? Infinity : given.size + COUNT / (3 * KILLS)
          const { code, numbers, stderr } = yield* runProgram(url, starts, killAfter)
          restarted.push(...started().slice(before).filter((n) => given.has(n)))
          for (const n of numbers) given.add(n)
          if (kill < KILLS) {
            assert.isNull(code, stderr)
          } else {
            assert.strictEqual(code, 0, stderr)
            assert.deepStrictEqual(numbers.toSorted((a, b) => a - b), Array.from({ length: COUNT }, (_, n) => n))
          }
        }
        assert.deepStrictEqual(restarted, [])
        const all = started().length
        assert.isAtMost(all / COUNT, 1.05, `${all} starts of ${COUNT} tasks`)
        assert.isAtLeast(all, COUNT)
      }).pipe(Effect.scoped),
    300_000
  )
})
