/** A row of the matrix of runtimes and bundlers, and what each row must observe. */
import { deepStrictEqual, match } from "node:assert/strict"

export interface Row {
  readonly name: string
  /** It takes long, and runs only if it is asked for. */
  readonly nightly?: boolean
  /** May return a figure to print. */
  readonly run: (root: string) => Promise<string | void>
}

const PRINTED_IN_THREAD = "printed in the thread"

/** The lines of `app/program.ts`, in order, without those of the logger. */
const LINES = [
  "500 roots, in order",
  "negative: Failed",
  PRINTED_IN_THREAD,
  "logs: logged",
  "throws late: Defect, thrown late",
  "rejects late: Defect, rejected late",
  "loops: TimedOut",
  "exits: WorkerLost",
  "afterwards: 3",
  "OK"
]

const isLogged = (line: string): boolean => /^\[\d\d:/.test(line)

const ofProgram = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.filter((line) => !isLogged(line) && LINES.some((expected) => line.startsWith(expected.split(":")[0])))

const checkLogged = (lines: ReadonlyArray<string>): void =>
  match(lines.filter(isLogged).join("\n"), /logged in the thread/)

/** Checks the lines of a program whose threads are its own. */
export const check = (lines: ReadonlyArray<string>): void => {
  deepStrictEqual(ofProgram(lines), LINES)
  checkLogged(lines)
}

/** Checks the lines of a client, and those of the worker process that ran its tasks. */
export const checkRemote = (client: ReadonlyArray<string>, worker: ReadonlyArray<string>): void => {
  deepStrictEqual(ofProgram(client), LINES.filter((line) => line !== PRINTED_IN_THREAD))
  deepStrictEqual(ofProgram(worker), [PRINTED_IN_THREAD])
  checkLogged(worker)
}
