/**
 * Runs a command in a pseudo-terminal, whose output a terminal emulator shows. The pseudo-terminal is that of `script`
 * of util-linux.
 */
import * as Effect from "effect/Effect"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Screen } from "./screen.ts"

const version = (): string => {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" })
  } catch {
    return ""
  }
}

export const isAvailable = version().includes("util-linux")

export const MISSING = "Tests in a terminal are skipped: they need `script` of util-linux (Debian: bsdutils)."

/** Starts a command of the shell. It ends with the scope. */
export const open = (command: string, columns: number, rows: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "papyros-pty-"))
      const tty = join(folder, "tty")
      const screen = new Screen(columns, rows)
      const child = spawn(
        "script",
        ["-qefc", `tty > ${tty}; stty cols ${columns} rows ${rows}; exec ${command}`, "/dev/null"],
        { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, TERM: "xterm", NO_COLOR: "", SHELL: "/bin/sh" } }
      )
      let output = ""
      const watchers = new Set<() => void>()
      const ended = once(child, "close").then(([code]): number => code)
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text
        screen.put(text, () => watchers.forEach((watch) => watch()))
      })
      return {
        screen,
        folder,
        child,
        output: () => output,
        /** The exit code; 128 and the number of the signal that ended the command. */
        ended: Effect.andThen(Effect.promise(() => ended), (code) => Effect.as(screen.shown, code)),
        type: (text: string) => Effect.sync(() => void child.stdin.write(text)),
        resize: (columns: number, rows: number) =>
          Effect.sync(() => {
            screen.resize(columns, rows)
            execFileSync("stty", ["-F", readFileSync(tty, "utf8").trim(), "cols", `${columns}`, "rows", `${rows}`])
          }),
        /** Waits until the screen is as wanted. */
        until: (isAsWanted: (screen: Screen) => boolean): Effect.Effect<void> =>
          Effect.callback((resume) => {
            const watch = () => {
              if (!isAsWanted(screen)) return
              watchers.delete(watch)
              resume(Effect.void)
            }
            watchers.add(watch)
            watch()
            return Effect.sync(() => watchers.delete(watch))
          })
      }
    }),
    ({ child, folder }) =>
      Effect.sync(() => {
        child.kill("SIGKILL")
        rmSync(folder, { recursive: true })
      })
  )
