import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { papyros, presenter } from "../../src/cli/command.ts"
import { EnvironmentDatabase } from "../../src/cli/database.ts"
import { codeOf } from "../../src/cli/exit.ts"

/** The console of the tests: the command replaces the methods of the global one while it runs. */
const testConsole = { ...console }

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A file below `fixtures`. */
export const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

export const handlers = fixture("handlers.ts")

/** The lines of an output, parsed. */
export const parsed = (output: string): Array<unknown> =>
  output === "" ? [] : output.replace(/\n$/, "").split("\n").map((line) => JSON.parse(line))

/** Makes the output of handlers that run in this process, or in its threads, the output of their test. */
const quiet = Effect.forEach(["stdout", "stderr"] as const, (stream) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      process[stream].write = (text: string | Uint8Array, ...rest: ReadonlyArray<unknown>) => {
        testConsole[stream === "stdout" ? "log" : "error"](String(text).trimEnd())
        const done = rest.at(-1)
        if (typeof done === "function") queueMicrotask(() => done())
        return true
      }
    }),
    // The method of its class is there again.
    () => Effect.sync(() => Reflect.deleteProperty(process[stream], "write"))
  ))

/** A terminal of so many columns. */
const sized = (columns: number) =>
  Layer.effect(
    Terminal.Terminal,
    Effect.map(Terminal.Terminal, (terminal) => ({ ...terminal, columns: Effect.succeed(columns) }))
  )

/** Runs the command in this process, with streams of its own in place of the process's. */
export const papyrosWith = (args: ReadonlyArray<string>, options?: {
  readonly stdin?: string | Stream.Stream<Uint8Array> | undefined
  readonly stdout?: Sink.Sink<void, string | Uint8Array> | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Whether stderr and stdout are terminals, of so many columns. */
  readonly terminal?: { readonly stdout: boolean; readonly columns: number } | undefined
}): Effect.Effect<
  Ended & {
    readonly events: ReadonlyArray<"stdout" | "stderr" | "end">
    /** The text that the command prints by Effect's `Console`: help, completions, and the logs of workers. */
    readonly printed: string
  }
> =>
  Effect.suspend(() => {
    const written = { stdout: "", stderr: "", printed: "" }
    const events: Array<"stdout" | "stderr" | "end"> = []
    const collect = (to: "stdout" | "stderr", endOnDone = false) =>
      Sink.forEach((text: string | Uint8Array) =>
        Effect.sync(() => {
          events.push(to)
          written[to] += String(text)
        })
      ).pipe(Sink.map(() => {
        if (endOnDone) events.push("end")
      }))
    const { env, stdin, terminal } = options ?? {}
    const stdio = Stdio.layerTest({
      args: Effect.succeed(args),
      stdin: Stream.isStream(stdin) ? stdin : Stream.make(new TextEncoder().encode(stdin ?? "")),
      stdout: (to) => options?.stdout ?? collect("stdout", to?.endOnDone),
      stderr: () => collect("stderr"),
      stderrIsTerminal: Effect.succeed(terminal !== undefined),
      stdoutIsTerminal: Effect.succeed(terminal?.stdout === true)
    })
    return Effect.andThen(quiet, Command.run(papyros, { version: "1.2.3" })).pipe(
      Effect.provideServiceEffect(CliOutput.Presenter, presenter),
      Effect.provideService(Console.Console, {
        ...testConsole,
        log: (text) => {
          written.printed += `${text}\n`
          testConsole.log(text)
        }
      }),
      Effect.provideService(
        EnvironmentDatabase,
        Option.map(Option.fromUndefinedOr(env?.PAPYROS_DATABASE), (text) => Redacted.make(text))
      ),
      Effect.provide(Layer.provideMerge(Layer.merge(stdio, sized(terminal?.columns ?? 0)), NodeServices.layer)),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: env ?? {} })),
      Effect.exit,
      Effect.scoped,
      Effect.map((exit) => ({ code: Exit.isSuccess(exit) ? 0 : codeOf(exit.cause), ...written, events }))
    )
  })

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))

/** Starts the command as a process of its own. */
export const start = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, ["--conditions=papyros-source", bin, ...args], {
    stdio: "pipe",
    env: { ...process.env, ...env }
  })
  const written = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text) => written.stdout += text)
  child.stderr.setEncoding("utf8").on("data", (text) => written.stderr += text)
  // A command that ends before it has read its input is no fault of the test.
  child.stdin.on("error", () => {})
  const ended = once(child, "close").then(([code]): Ended => ({ code, ...written }))
  return { child, written, ended: Effect.promise(() => ended) }
}

/** Runs the command as a process of its own. */
export const spawned = (
  args: ReadonlyArray<string>,
  stdin: string,
  env?: Readonly<Record<string, string>>
): Effect.Effect<Ended> =>
  Effect.suspend(() => {
    const { child, ended } = start(args, env)
    child.stdin.end(stdin)
    return ended
  })
