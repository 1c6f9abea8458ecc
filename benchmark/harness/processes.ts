/** Processes that a case starts. They end with its scope, each by its own id. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { hangs } from "../pool/competitors/implementation.ts"
import { Broken } from "./model.ts"

/** In seconds; the machine may be busy. */
const LONGEST_START = 60

export class Process {
  readonly child: ChildProcess
  private readonly command: string
  private log = ""
  private ended: string | undefined
  private readonly watchers = new Set<() => void>()

  constructor(command: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) {
    // It is shown in reports, where the paths of this machine say nothing.
    this.command = [command, ...args].map((part) => basename(part)).join(" ")
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...inherited(), ...env } })
    const write = (text: string) => {
      this.log += text
      this.changed()
    }
    this.child.stdout!.setEncoding("utf8").on("data", write)
    this.child.stderr!.setEncoding("utf8").on("data", write)
    this.child.once("error", ({ message }) => this.end(message))
    this.child.once("exit", (code, signal) => this.end(`ended with ${signal ?? code}`))
  }

  get pid(): number {
    return this.child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Waits until it has written what matches; what was captured. */
  wrote(pattern: RegExp): Effect.Effect<string, Broken> {
    return hangs(this.when(() => pattern.exec(this.log)?.[1]), LONGEST_START)
  }

  /** Waits until it has ended. */
  readonly exit: Effect.Effect<void> = Effect.ignore(this.when(() => undefined))

  private when(look: () => string | undefined): Effect.Effect<string, Broken> {
    return Effect.callback((resume) => {
      const watch = () => {
        const found = look()
        if (found !== undefined) resume(Effect.succeed(found))
        else if (this.ended !== undefined) resume(Effect.fail(new Broken({ message: this.said(this.ended) })))
        else return
        this.watchers.delete(watch)
      }
      this.watchers.add(watch)
      watch()
      return Effect.sync(() => this.watchers.delete(watch))
    })
  }

  private said(ended: string): string {
    return `${this.command} ${ended}: ${this.log.trim().split("\n").at(-1)}`
  }

  private end(why: string): void {
    this.ended ??= why
    this.changed()
  }

  private changed(): void {
    for (const watch of Array.from(this.watchers)) watch()
  }
}

/** What is set for papyros where the benchmark is started is not meant for it. */
const inherited = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PAPYROS_")))

export const start = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Process(command, args, env)),
    (process) =>
      Effect.andThen(
        Effect.sync(() => process.kill("SIGKILL")),
        process.exit
      )
  )

/** The same of a module of this repository, run from its sources. */
export const node = (
  module: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Process, never, Scope.Scope> =>
  start(
    process.execPath,
    ["--conditions=papyros-source", fileURLToPath(new URL(module, import.meta.url)), ...args],
    env
  )
