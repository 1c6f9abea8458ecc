/** Name servers and workers as processes of their own, which end with the scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))

export const handlers = fileURLToPath(new URL("./handlers.ts", import.meta.url))

/** A process of the command `papyros`. */
export class Papyros {
  readonly child: ChildProcess
  /** All that it has written. */
  log = ""
  exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  private readonly args: ReadonlyArray<string>

  constructor(args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) {
    this.args = args
    this.child = spawn(process.execPath, ["--conditions=papyros-source", bin, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env }
    })
    const write = (text: string) => this.log += text
    this.child.stdout!.setEncoding("utf8").on("data", write)
    this.child.stderr!.setEncoding("utf8").on("data", write)
    this.child.once("exit", (code, signal) => this.exit = { code, signal })
  }

  get pid(): number {
    return this.child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Waits until it has written what matches; what was captured. */
  readonly wrote = (pattern: RegExp): Effect.Effect<string> =>
    Effect.suspend(() => {
      const match = pattern.exec(this.log)
      if (match !== null) return Effect.succeed(match[1] ?? "")
      if (this.exit !== undefined) {
        return Effect.die(
          new Error(`papyros ${this.args.join(" ")} has ended before it wrote ${pattern}:\n${this.log}`)
        )
      }
      return Effect.andThen(Effect.sleep(10), this.wrote(pattern))
    })

  readonly ended: Effect.Effect<NonNullable<Papyros["exit"]>> = Effect.suspend(() =>
    this.exit === undefined ? Effect.andThen(Effect.sleep(10), this.ended) : Effect.succeed(this.exit)
  )
}

export const papyros = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Papyros, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Papyros(args, env)),
    (process) =>
      Effect.andThen(
        Effect.sync(() => {
          process.kill("SIGCONT")
          process.kill("SIGKILL")
        }),
        process.ended
      )
  )

/** A name server that listens, on a free port unless one is given, and its `host:port`. */
export const nameServer = Effect.fnUntraced(function*(port = 0, env: Readonly<Record<string, string>> = {}) {
  const process = yield* papyros(["nameserver", "--port", String(port)], env)
  const address = yield* process.wrote(/listening on (\S+:\d+)/)
  return { process, address, port: Number(address.slice(address.lastIndexOf(":") + 1)) }
})

/** A worker process, which may not be registered yet. */
export const worker = (
  address: string,
  options: { readonly args?: ReadonlyArray<string>; readonly env?: Readonly<Record<string, string>> } = {}
) => papyros(["workers", handlers, "-n", "1", "--name-server", address, ...options.args ?? []], options.env)

export const registered = (process: Papyros) => process.wrote(/is registered/)
