/** The process of a competitor, seen from the benchmark. */
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import type { CompetitorError } from "../../harness/model.ts"
import { type Process, start } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import type { Answer } from "../process.ts"
import type { Input } from "../workload/inputs.ts"
import { BUNDLED } from "./libraries.ts"

/** Whether the processes run the sources instead of compiled modules. */
export type Code = "compiled" | "sources"

/** Starts a process. It loads its library when the first tasks are run. */
export const startCompetitor = (library: string, input: Input, code: Code) => {
  const [flags, path] = code === "sources"
    ? [["--conditions=papyros-source"], "../process.ts"]
    : [[], library === BUNDLED ? "../../dist/bundle/process.js" : "../../dist/real/process.js"]
  const file = fileURLToPath(new URL(path, import.meta.url))
  return start(process.execPath, [...flags, file, library, input.name], {}, true)
}

/** Runs the first `tasks` tasks of the input. */
export const run = (
  process: Process,
  tasks: number
): Effect.Effect<Omit<Answer, "tally"> & { readonly tally: Tally }, CompetitorError> =>
  Effect.map(process.ask(tasks), (message) => {
    const answer = message as Answer
    return { ...answer, tally: Tally.from(...answer.tally) }
  })
