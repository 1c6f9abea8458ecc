/** All rows: programs that are not bundled, the recipes of docs/guides/bundlers.md, pages, and the laws. */
import { deepStrictEqual, match, ok } from "node:assert/strict"
import { join } from "node:path"
import { load } from "./chromium.ts"
import { type Command, command, shell } from "./processes.ts"
import { recipeRows } from "./recipeRows.ts"
import { check, type Row } from "./row.ts"

const RUNTIMES: ReadonlyArray<readonly [string, Command]> = [
  ["Node", ["node"]],
  ["Bun", ["bun"]],
  ["Deno", ["deno", "run", "--allow-all", "--node-modules-dir=manual"]]
]

const forms = { handlers: "main-handlers.ts", URL: "main.ts", function: "main-function.ts" }

const unbundled = Object.entries(forms).flatMap(([form, main]) =>
  RUNTIMES.map(([runtime, program]): Row => ({
    name: `${runtime}, ${form}`,
    run: async (root) => check(await command(root, [...program, main]))
  }))
)

const esbuildForPages = (root: string, out: string, ...entries: ReadonlyArray<string>) =>
  shell(
    root,
    `esbuild ${entries.join(" ")} --bundle --platform=browser --format=esm --splitting --minify --outdir=${out}`
  )

const pages: ReadonlyArray<Row> = [
  {
    name: "Chromium, without threads, no eval",
    run: async (root) => {
      await esbuildForPages(root, "out/fiber", "page-fiber.ts")
      const lines = await load(join(root, "out/fiber"), "page-fiber.js", { isolated: false, strict: true })
      deepStrictEqual(lines.filter((line) => !line.startsWith("Failed to load")), [
        "500 roots, right",
        "500 roots, right",
        "OK"
      ])
    }
  },
  {
    name: "Chromium, modules that cannot be used",
    run: async (root) => {
      await esbuildForPages(root, "out/unusable", "page-unusable.ts")
      const lines = (await load(join(root, "out/unusable"), "page-unusable.js", { isolated: true })).join("\n")
      match(lines, /^is not there: HandlersError: .*could not be loaded/m)
      match(lines, /^throws: HandlersError: .*no license/m)
      match(lines, /^is silent: HandlersError: .*did not call Thread\.run of papyros\/Thread within 30 seconds/m)
      match(lines, /^OK$/m)
    }
  }
]

/** A minified bundle must take less than half the CPU time of `effect` and papyros as they are. */
const startOfThread: Row = {
  name: "CPU time of the start of a thread",
  run: async (root) => {
    await shell(root, "esbuild thread.ts --bundle --platform=node --format=esm --minify --outfile=out/start/thread.js")
    const [line] = await command(root, ["node", "main-start.ts"])
    const [bundled, handlers] = Array.from(line.matchAll(/[\d.]+(?= ms)/g), ([millis]) => Number(millis))
    ok(bundled < handlers / 2, line)
    return line
  }
}

/** Every law of a pool without a TestClock has properties: over 30 are checked. */
const checkLaws = (lines: ReadonlyArray<string>): void => {
  deepStrictEqual(lines.filter((line) => line.startsWith("BROKEN")), [])
  match(lines.join("\n"), /^laws: 3\d properties kept, 0 broken\nOK$/m)
}

const laws: ReadonlyArray<Row> = [
  ...RUNTIMES.map(([runtime, program]): Row => ({
    name: `laws, ${runtime}`,
    run: async (root) => checkLaws(await command(root, [...program, "main-laws.ts"]))
  })),
  ...[true, false].map((isolated): Row => ({
    name: `laws, Chromium, ${isolated ? "with" : "without"} shared memory`,
    run: async (root) => {
      await esbuildForPages(root, "out/laws", "page-laws.ts", "laws-thread.ts")
      checkLaws(await load(join(root, "out/laws"), "page-laws.js", { isolated }, 300))
    }
  }))
]

export const rows: ReadonlyArray<Row> = [...unbundled, ...recipeRows, ...pages, startOfThread, ...laws]
