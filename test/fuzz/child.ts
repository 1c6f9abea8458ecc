/** A process that is fuzzed: its output, its memory and its end. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** A report that the process prints each second. */
export interface Report {
  /** Its memory, in bytes. */
  readonly rss: number
}

export class Child<A extends Report> {
  readonly child: ChildProcess
  /** The last report. */
  report: A | undefined
  reports = 0
  /** Beyond this, its memory counts against it. */
  idleMemory = Infinity
  /** The most memory since `settle`. */
  memory = 0
  /** Why it has ended. */
  ended: string | undefined
  /** The end of its output. */
  log = ""
  private readonly name: string
  private readonly onLine: (line: string) => void
  private output = ""

  constructor(name: string, args: ReadonlyArray<string>, onLine: (line: string) => void) {
    this.name = name
    this.onLine = onLine
    const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
    // A young generation that grows by itself would be most of the memory.
    const flags = ["--conditions=papyros-source", "--expose-gc", "--max-semi-space-size=4"]
    this.child = spawn(process.execPath, [...flags, program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      // Nobody can guess it.
      env: { ...process.env, PAPYROS_FUZZ_PASSWORD: crypto.randomUUID() }
    })
    this.child.stdout!.on("data", (bytes) => this.onOutput(String(bytes)))
    this.child.stderr!.on("data", (bytes) => this.log = (this.log + String(bytes)).slice(-4000))
    this.child.once("exit", (code, signal) => this.ended = `the ${this.name} has ended: ${code ?? signal}\n${this.log}`)
  }

  private onOutput(text: string): void {
    this.output += text
    const lines = this.output.split("\n")
    this.output = lines.pop()!
    for (const line of lines) {
      if (!line.startsWith("{")) this.onLine(line)
      else {
        this.report = JSON.parse(line) as A
        this.reports++
        this.memory = Math.max(this.memory, this.report.rss)
      }
    }
  }

  /** The memory from now on counts against that of now. */
  settle(): void {
    this.idleMemory = this.memory
    this.memory = 0
  }

  /** Waits for the next report, or for the end of the process. */
  readonly nextReport: Effect.Effect<void> = Effect.suspend(() => {
    const { reports } = this
    return until(() => this.ended !== undefined || this.reports > reports)
  })
}

export const start = <A extends Report>(
  name: string,
  args: ReadonlyArray<string>,
  onLine: (line: string) => void = () => {}
): Effect.Effect<Child<A>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Child<A>(name, args, onLine)),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** The worker process, and its port once it listens. */
export const startWorker = Effect.gen(function*() {
  let port = 0
  const worker = yield* start<Report & { readonly guarded: number }>("server", [], (line) => {
    const listening = /Worker \S+:(\d+) of group \S+ is listening/.exec(line)
    if (listening !== null) port = Number(listening[1])
  })
  yield* until(() => worker.ended !== undefined || (port > 0 && worker.memory > 0))
  return { worker, port }
})

export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(Effect.sleep(20), until(holds)))
