/**
 * What faults of tasks and threads cost on `WorkerPoolDispatcher`: tasks that end
 * their thread, that never yield, that end at their deadline; threads that cannot be
 * replaced. Each part prints its figures beside what is wanted of them.
 *
 *     node --conditions=papyros-source benchmark/faults/main.ts [NAME...]
 *
 * Parts: poison, head, deadline, interrupt, replacement; all of them without a name.
 *
 * Exits with 1 if an outcome is wrong: of a task that has none or two, of one that is
 * innocent and fails, of a thread that is left. A figure never fails it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { deadline } from "./cases/deadline.ts"
import { head } from "./cases/head.ts"
import { interrupt } from "./cases/interrupt.ts"
import { poison } from "./cases/poison.ts"
import { replacement } from "./cases/replacement.ts"

const parts = new Map(Object.entries({ poison, head, deadline, interrupt, replacement }))

const program = Effect.gen(function*() {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Array.from(parts.keys())
  for (const name of names) {
    const part = parts.get(name)
    if (part === undefined) {
      yield* Console.error(`There is no part ${name}: ${Array.from(parts.keys()).join(", ")}.`)
      process.exitCode = 2
    } else if (!(yield* part)) process.exitCode = 1
  }
})

NodeRuntime.runMain(program)
