/**
 * The faults suite: the cost of faults of tasks and threads on `WorkerPoolDispatcher`. Tasks end their thread, never
 * yield, or end at their deadline; threads cannot be replaced.
 *
 *     node --conditions=papyros-source benchmark/faults/main.ts [CASE...]
 *
 * The cases are poison, head, deadline, interrupt and replacement; without arguments all of them run.
 *
 * The exit code is 1 after a mistake: a task without an outcome or with two, a healthy task that fails, or a thread
 * that is left over. Figures are printed beside their targets, and never change the exit code.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { deadline } from "./cases/deadline.ts"
import { head } from "./cases/head.ts"
import { interrupt } from "./cases/interrupt.ts"
import { poison } from "./cases/poison.ts"
import { replacement } from "./cases/replacement.ts"

const cases = new Map(Object.entries({ poison, head, deadline, interrupt, replacement }))

const program = Effect.gen(function*() {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Array.from(cases.keys())
  for (const name of names) {
    const run = cases.get(name)
    if (run === undefined) {
      yield* Console.error(`There is no case "${name}"; the cases are ${Array.from(cases.keys()).join(", ")}.`)
      process.exitCode = 2
    } else if (!(yield* run)) process.exitCode = 1
  }
})

NodeRuntime.runMain(program)
