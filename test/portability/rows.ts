/** The rows of the matrix of docs/guides/bundlers.md: how a program is built, and where it runs. */
import { deepStrictEqual, match } from "node:assert/strict"
import { join } from "node:path"
import { load } from "./chromium.ts"
import { command } from "./project.ts"

export interface Row {
  readonly name: string
  readonly run: (root: string) => Promise<void>
}

/** The lines of `app/program.ts`, in order, without those of the logger. */
const LINES = [
  "500 roots, in order",
  "negative: Failed",
  "printed in the thread",
  "logs: logged",
  "throws late: Defect, thrown late",
  "rejects late: Defect, rejected late",
  "loops: TimedOut",
  "exits: WorkerLost",
  "afterwards: 3",
  "OK"
]

const check = (lines: ReadonlyArray<string>): void => {
  const [logged, printed] = [true, false].map((isLog) => lines.filter((line) => /^\[\d\d:/.test(line) === isLog))
  deepStrictEqual(printed.filter((line) => LINES.some((expected) => line.startsWith(expected.split(":")[0]))), LINES)
  match(logged.join("\n"), /logged in the thread/)
}

/** A row that runs one command. */
const row = (name: string, cwd: string, ...args: readonly [string, ...ReadonlyArray<string>]): Row => ({
  name,
  run: async (root) => check(await command(join(root, cwd), ...args))
})

/** A row that builds first. */
const built = (
  name: string,
  build: (root: string) => Promise<unknown>,
  run: (root: string) => Promise<ReadonlyArray<string>>
): Row => ({
  name,
  run: async (root) => {
    await build(root)
    check(await run(root))
  }
})

const esbuild = (root: string, out: string, ...args: ReadonlyArray<string>) =>
  command(root, "esbuild", ...args, "--bundle", "--format=esm", "--minify", `--outdir=${out}`, "--log-level=warning")

const deno = ["deno", "run", "--allow-all", "--node-modules-dir=manual"] as const

const forms = ["handlers", "url", "function"] as const

const unbundled = forms.flatMap((form) => [
  row(`Node, ${form}`, ".", "node", `main-${form}.ts`),
  row(`Bun, ${form}`, ".", "bun", `main-${form}.ts`),
  row(`Deno, ${form}`, ".", ...deno, `main-${form}.ts`)
])

const forServers = (root: string) =>
  esbuild(root, "out/esbuild", "main-url.ts", "thread.ts", "--platform=node", "--splitting")

const forBrowsers = (root: string) =>
  esbuild(
    root,
    "out/web",
    "main-web-url.ts",
    "page-unusable.ts",
    "page-fiber.ts",
    "thread.ts",
    "--platform=browser",
    "--splitting"
  )

const bundled: ReadonlyArray<Row> = [
  built("esbuild, on Node", forServers, (root) => command(join(root, "out/esbuild"), "node", "main-url.js")),
  built("esbuild, on Bun", forServers, (root) => command(join(root, "out/esbuild"), "bun", "main-url.js")),
  built("esbuild, on Deno", forServers, (root) => command(join(root, "out/esbuild"), ...deno, "main-url.js")),
  built(
    "esbuild, one file",
    (root) => esbuild(root, "out/single", "single.ts", "--platform=node"),
    (root) => command(join(root, "out/single"), "node", "single.js")
  ),
  built(
    "Vite for servers",
    (root) => command(root, "vite", "build", "--config", "vite.server.ts", "--logLevel", "warn"),
    (root) => command(join(root, "out/vite-server"), "node", "main-url.js")
  ),
  built(
    "webpack",
    (root) => command(root, "node", "webpack.ts"),
    (root) => command(join(root, "out/webpack"), "node", "main.js")
  ),
  built(
    "bun build --compile",
    (root) => command(root, "bun", "build", "--compile", "main-url.ts", "thread.ts", "--outfile", "out/compiled"),
    (root) => command("/", join(root, "out/compiled"))
  )
]

const pages: ReadonlyArray<Row> = [
  built("Chromium, esbuild", forBrowsers, (root) => load(join(root, "out/web"), "main-web-url.js", { isolated: true })),
  built(
    "Chromium, without shared memory",
    forBrowsers,
    (root) => load(join(root, "out/web"), "main-web-url.js", { isolated: false })
  ),
  built(
    "Chromium, Vite",
    (root) => command(root, "vite", "build", "--config", "vite.web.ts", "--logLevel", "warn"),
    (root) => load(join(root, "out/vite-web"), "", { isolated: true })
  ),
  {
    name: "Chromium, without threads, no eval",
    run: async (root) => {
      await forBrowsers(root)
      const lines = await load(join(root, "out/web"), "page-fiber.js", { isolated: false, strict: true })
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
      await forBrowsers(root)
      const lines = (await load(join(root, "out/web"), "page-unusable.js", { isolated: true })).join("\n")
      match(lines, /^is not there: HandlersError: .*could not be loaded/m)
      match(lines, /^throws: HandlersError: .*no license/m)
      match(lines, /^is silent: HandlersError: .*did not call Thread\.run of papyros\/Thread within 30 seconds/m)
      match(lines, /^OK$/m)
    }
  }
]

/** Every law of a pool without a TestClock has properties: over 30 are checked. */
const checkLaws = (lines: ReadonlyArray<string>): void => {
  deepStrictEqual(lines.filter((line) => line.startsWith("BROKEN")), [])
  match(lines.join("\n"), /^laws: 3\d properties kept, 0 broken\nOK$/m)
}

const laws: ReadonlyArray<Row> = [
  ...[["Node", "node"], ["Bun", "bun"], ["Deno", ...deno]].map(([runtime, name, ...args]) => ({
    name: `laws, ${runtime}`,
    run: async (root: string) => checkLaws(await command(root, name, ...args, "main-laws.ts"))
  })),
  ...[true, false].map((isolated) => ({
    name: `laws, Chromium, ${isolated ? "with" : "without"} shared memory`,
    run: async (root: string) => {
      await esbuild(root, "out/laws", "page-laws.ts", "laws-thread.ts", "--platform=browser", "--splitting")
      checkLaws(await load(join(root, "out/laws"), "page-laws.js", { isolated }, 300))
    }
  }))
]

export const rows: ReadonlyArray<Row> = [...unbundled, ...bundled, ...pages, ...laws]
