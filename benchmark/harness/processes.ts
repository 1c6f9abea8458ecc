/**
 * Child processes of a case: started, observed through their output or asked by messages, and killed with the scope of
 * the case.
 *
 * A process is killed by its own id only, so that a benchmark never ends a process that it did not start.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { CompetitorError } from "./model.ts"
import { compiled } from "./modules.ts"
import { withTimeout } from "./timeout.ts"

/** In seconds, for a machine that is busy with other work. */
const START_TIMEOUT = 60

export class Process {
  readonly child: ChildProcess
  private readonly command: string
  private output = ""
  private answer: unknown
  private exitReason: string | undefined
  private readonly watchers = new Set<() => void>()

  constructor(command: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>, answers = false) {
    // Error messages appear in reports, and full paths mean nothing to their readers.
    this.command = [command, ...args].map((part) => basename(part)).join(" ")
    this.child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe", ...(answers ? ["ipc" as const] : [])],
      env: { ...inherited(), ...env }
    })
    const append = (text: string) => {
      this.output += text
      this.notify()
    }
    this.child.stdout!.setEncoding("utf8").on("data", append)
    this.child.stderr!.setEncoding("utf8").on("data", append)
    this.child.on("message", (answer) => {
      this.answer = answer
      this.notify()
    })
    this.child.once("error", ({ message }) => this.end(message))
    this.child.once("exit", (code, signal) => this.end(`ended with ${signal ?? code}`))
  }

  get pid(): number {
    return this.child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Waits for output that matches, and returns the first captured group. */
  waitForOutput(pattern: RegExp): Effect.Effect<string, CompetitorError> {
    return withTimeout(this.waitFor(() => pattern.exec(this.output)?.[1]), START_TIMEOUT)
  }

  /** Sends a message to a process that answers messages, and waits for the answer. */
  ask(message: number): Effect.Effect<unknown, CompetitorError> {
    return Effect.suspend(() => {
      this.answer = undefined
      if (this.child.connected) this.child.send(message)
      return withTimeout(this.waitFor(() => this.answer))
    })
  }

  /** Completes when the process has ended. */
  readonly exit: Effect.Effect<void> = Effect.ignore(this.waitFor(() => undefined))

  private waitFor<A>(find: () => A | undefined): Effect.Effect<A, CompetitorError> {
    return Effect.callback((resume) => {
      const watch = () => {
        const found = find()
        if (found !== undefined) resume(Effect.succeed(found))
        else if (this.exitReason !== undefined) {
          resume(Effect.fail(new CompetitorError({ message: this.exitMessage(this.exitReason) })))
        } else return
        this.watchers.delete(watch)
      }
      this.watchers.add(watch)
      watch()
      return Effect.sync(() => this.watchers.delete(watch))
    })
  }

  private exitMessage(reason: string): string {
    const lines = this.output.trim().split("\n")
    // Node prints an error before its stack, and its own version last.
    return `${this.command} ${reason}: ${lines.find((line) => /^\w*Error: /.test(line)) ?? lines.at(-1)}`
  }

  private end(reason: string): void {
    this.exitReason ??= reason
    this.notify()
  }

  private notify(): void {
    for (const watch of Array.from(this.watchers)) watch()
  }
}

/** The environment without variables of papyros: they configure the user's own programs, not the benchmark. */
const inherited = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PAPYROS_")))

/** Starts a command. With `answers`, it is a Node program that answers messages. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  answers = false
): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Process(command, args, env, answers)),
    (process) =>
      Effect.andThen(
        Effect.sync(() => process.kill("SIGKILL")),
        process.exit
      )
  )

/** Starts a module of this repository. */
export const startModule = (
  module: URL,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Process, never, Scope.Scope> =>
  start(process.execPath, [...(compiled ? [] : ["--conditions=papyros-source"]), fileURLToPath(module), ...args], env)
