/** Claims about the end of a whole process: it ends by itself when its work is done, and says nothing that it need not say. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("./support/exit.ts", import.meta.url))

/** Runs a program of the script; its output, and whether it has ended within so many milliseconds of its last line. */
const run = (program: string, patience: number) =>
  Effect.callback<
    { readonly ended: boolean; readonly code: number | null; readonly out: string; readonly err: string }
  >(
    (resume) => {
      const child = spawn(process.execPath, ["--conditions=papyros-source", "--no-warnings", script, program], {
        stdio: ["ignore", "pipe", "pipe"]
      })
      let out = ""
      let err = ""
      let timer: NodeJS.Timeout | undefined
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        out += text
        if (!out.includes("done\n")) return
        timer ??= setTimeout(() => {
          resume(Effect.succeed({ ended: false, code: null, out, err }))
          child.kill("SIGKILL")
        }, patience)
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => err += text)
      child.once("close", (code) => {
        clearTimeout(timer)
        resume(Effect.succeed({ ended: true, code, out, err }))
      })
      return Effect.sync(() => {
        clearTimeout(timer)
        child.kill("SIGKILL")
      })
    }
  )

describe("Conformance: exit", () => {
  // CPython, test_shutdown.py: test_interpreter_shutdown
  for (const program of ["fiber", "pool"]) {
    it.live(`a program ends by itself when its dispatcher is closed, and writes only its own (${program})`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* run(program, 20_000), { ended: true, code: 0, out: "55\ndone\n", err: "" })
      }))
  }

  // CPython, test_shutdown.py: test_hang_gh83386. There the executor is shut down without waiting; here it is left open.
  it.live("an idle Fiber dispatcher that is left open does not keep its program alive", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* run("fiberOpen", 20_000)).ended)
    }))

  // CPython, test_shutdown.py: test_hang_gh83386
  it.live("an idle pool that is left open does not keep its program alive", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* run("poolOpen", 20_000)).ended)
    }))
})
