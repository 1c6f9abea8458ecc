/** Runs commands of the tools, `node` and servers. */
import { execFile, spawn } from "node:child_process"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)

export const tools = fileURLToPath(new URL("tools/node_modules", import.meta.url))

export type Command = readonly [string, ...ReadonlyArray<string>]

type Variables = Readonly<Record<string, string>>

/** The folder comes first: Next.js must be the one of its project. */
const environment = (cwd: string, variables: Variables): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [join(cwd, "node_modules/.bin"), join(tools, ".bin"), dirname(process.execPath), process.env.PATH]
    .join(delimiter),
  NODE_OPTIONS: "",
  NO_COLOR: "1",
  ...variables
})

/** Runs a command, and returns the lines that it prints. */
export const command = async (
  cwd: string,
  [name, ...args]: Command,
  variables: Variables = {}
): Promise<ReadonlyArray<string>> => {
  try {
    const { stdout } = await run(name, args, { cwd, timeout: 240_000, env: environment(cwd, variables) })
    return stdout.split("\n")
  } catch (error) {
    const { message, stderr, stdout } = error as Error & { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${message}\n${stdout}${stderr}`)
  }
}

/** Runs a line of a shell. */
export const shell = (cwd: string, line: string, variables?: Variables) => command(cwd, ["sh", "-c", line], variables)

export interface Server {
  readonly ready: RegExpMatchArray
  /** Ends the process and all that it started, and returns the lines that it has printed. */
  readonly stop: () => Promise<ReadonlyArray<string>>
}

/** Starts a command, and waits until it prints a text. */
export const start = (cwd: string, line: string, text: RegExp, variables: Variables = {}): Promise<Server> =>
  new Promise((resolve, reject) => {
    // Some commands only start another process, which does not end with them: they end as a group.
    const child = spawn("sh", ["-c", line], { cwd, env: environment(cwd, variables), detached: true, stdio: "pipe" })
    let printed = ""
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
    const end = (signal: "SIGTERM" | "SIGKILL"): void => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal)
    }
    const stop = async () => {
      end("SIGTERM")
      const timer = setTimeout(end, 10_000, "SIGKILL")
      await ended
      clearTimeout(timer)
      return printed.split("\n")
    }
    const timer = setTimeout(() => {
      reject(new Error(`"${line}" did not print ${text} within 60 s:\n${printed}`))
      void stop()
    }, 60_000)
    const onText = (chunk: Buffer): void => {
      printed += String(chunk)
      const ready = text.exec(printed)
      if (ready === null) return
      clearTimeout(timer)
      resolve({ ready, stop })
    }
    child.stdout.on("data", onText)
    child.stderr.on("data", onText)
    void ended.then(() => {
      clearTimeout(timer)
      reject(new Error(`"${line}" ended:\n${printed}`))
    })
  })
