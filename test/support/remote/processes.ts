/** Name servers and workers as processes of their own, which end with the scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../../../src/bin.ts", import.meta.url))

export const handlers = fileURLToPath(new URL("./handlers.ts", import.meta.url))

/** A process of a module of this package: of the command `papyros` unless another one is given. */
export class Papyros {
  readonly child: ChildProcess
  /** The output of the process. */
  log = ""
  exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  private readonly args: ReadonlyArray<string>

  constructor(
    args: ReadonlyArray<string>,
    env: Readonly<Record<string, string>>,
    by: ReadonlyArray<string>,
    module: string
  ) {
    this.args = args
    const [command, ...rest] = [...by, process.execPath, "--conditions=papyros-source", module, ...args]
    this.child = spawn(command, rest, {
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

  /** Waits for output that matches the pattern; returns the captured text. */
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

/** Started by another command, if there is one, that becomes it. */
export const papyros = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  by: ReadonlyArray<string> = [],
  module = bin
): Effect.Effect<Papyros, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Papyros(args, env, by, module)),
    (process) =>
      Effect.andThen(
        Effect.sync(() => {
          process.kill("SIGCONT")
          process.kill("SIGKILL")
        }),
        process.ended
      )
  )

/** A free port below the range from which the system assigns ports, so that no other process gets it by chance. */
export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const attempt = () => {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().once("error", attempt)
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(port))))
  }
  attempt()
})

/** A name server that listens, on a free port unless one is given, and its `host:port`. */
export const nameServer = Effect.fnUntraced(function*(
  port = 0,
  env: Readonly<Record<string, string>> = {},
  args: ReadonlyArray<string> = []
) {
  const process = yield* papyros(["nameserver", "--port", String(port), ...args], env)
  const address = yield* process.wrote(/listening on (\S+:\d+)/)
  return { process, address, port: Number(address.slice(address.lastIndexOf(":") + 1)) }
})

/** A worker process, which may not be registered yet. */
export const worker = (
  address: string,
  options: {
    readonly handlers?: string
    readonly threads?: number
    readonly args?: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
    readonly by?: ReadonlyArray<string>
  } = {}
) =>
  papyros(
    [
      "workers",
      options.handlers ?? handlers,
      "-n",
      String(options.threads ?? 1),
      "--name-server",
      address,
      ...options.args ?? []
    ],
    options.env,
    options.by
  )

export const registered = (process: Papyros) => process.wrote(/is registered/)
