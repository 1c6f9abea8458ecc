/** The process of a competitor, seen from the benchmark. */
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import type { CompetitorError } from "../../harness/model.ts"
import { compiled, moduleUrl } from "../../harness/modules.ts"
import { type Process, start } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import type { Answer } from "../process.ts"
import type { Input } from "../workload/inputs.ts"
import { bundledProcess } from "./bundle.ts"
import { BUNDLED } from "./libraries.ts"

/** Starts a process. It loads its library when the first tasks are run. */
export const startCompetitor = (library: string, input: Input) => {
  const flags = compiled ? [] : ["--conditions=papyros-source"]
  const module = compiled && library === BUNDLED ? bundledProcess : moduleUrl("../process.ts", import.meta.url)
  return start(process.execPath, [...flags, fileURLToPath(module), library, input.name], {}, true)
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
