/** The rows of the recipes. Each runs the commands of its recipe as they are in the guide. */
import { match, strictEqual } from "node:assert/strict"
import { appendFileSync, cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load, loadUrl } from "./chromium.ts"
import { shell, start } from "./processes.ts"
import { makeFolder, makeNextFolder } from "./project.ts"
import { type Recipe, recipes } from "./recipes.ts"
import { remoteRows } from "./remoteRows.ts"
import { check, type Row } from "./row.ts"

const DENO = "deno run --allow-all --node-modules-dir=manual"

/** Code that Node cannot load, and code that cannot be bundled, for the end of the handlers module. */
const ENUM = "export enum Kind { One }"
const NATIVE = `import sharp from "sharp"
await sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } }).png().toBuffer()`

interface Variant {
  /** The name of the row, if it is not that of the recipe. */
  readonly name?: string
  /** Files of the app by their new names. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Code for the end of the handlers module. */
  readonly handlers?: string
  readonly edit?: (line: string) => string
  /** The folder in which the program runs, if it is not that of the build. */
  readonly cwd?: string
}

const server = (recipe: Recipe, variant: Variant = {}): Row => ({
  name: variant.name ?? recipe.name,
  run: async (root) => {
    const { cwd, edit = (line) => line, handlers = "", renamed } = variant
    const files = recipe.files.map(({ name, text }) => ({ name, text: edit(text) }))
    const folder = makeFolder(root, { ...recipe, files }, renamed)
    appendFileSync(join(folder, "handlers.ts"), handlers)
    const lines = recipe.commands.map(edit)
    for (const line of lines.slice(0, -1)) await shell(folder, line)
    const program = lines.at(-1)!
    check(await shell(cwd ?? folder, cwd === undefined ? program : join(folder, program)))
  }
})

const replacing = (from: string, to: string) => (line: string): string => line.replaceAll(from, to)

/** The bundle of the recipe, on all runtimes. */
const everywhere = (recipe: Recipe): ReadonlyArray<Row> => [
  server(recipe),
  server(recipe, { name: `${recipe.name}, on Bun`, edit: (line) => line.replace(/^node /, "bun ") }),
  server(recipe, { name: `${recipe.name}, on Deno`, edit: (line) => line.replace(/^node /, `${DENO} `) })
]

const build = async (root: string, recipe: Recipe, renamed?: Readonly<Record<string, string>>): Promise<string> => {
  const folder = makeFolder(root, recipe, renamed)
  for (const line of recipe.commands) await shell(folder, line)
  return folder
}

/** The server of the recipe runs in a copy of its folder, after the folder is gone. */
const runNext = async (root: string, recipe: Recipe): Promise<void> => {
  const folder = await makeNextFolder(root, recipe)
  const [build, run] = recipe.commands
  await shell(folder, build, { NEXT_TELEMETRY_DISABLED: "1" })
  const elsewhere = mkdtempSync(join(tmpdir(), "papyros-next-"))
  try {
    const [, standalone, program] = /^node (.*)\/([^/]+)$/.exec(run)!
    cpSync(join(folder, standalone), elsewhere, { recursive: true, verbatimSymlinks: true })
    rmSync(folder, { recursive: true })
    const server = await start(elsewhere, `node ${program}`, /http:\/\/127\.0\.0\.1:\d+/, {
      HOSTNAME: "127.0.0.1",
      PORT: "0"
    })
    let html = ""
    let lines: ReadonlyArray<string>
    try {
      html = await (await fetch(server.ready[0])).text()
    } finally {
      lines = await server.stop()
    }
    match(html, /<p>rendered after the tasks<\/p>/)
    check(lines)
  } finally {
    rmSync(elsewhere, { recursive: true })
  }
}

const runViteDev = async (root: string, recipe: Recipe): Promise<void> => {
  const folder = makeFolder(root, recipe)
  const server = await start(folder, "vite --host 127.0.0.1 --port 0", /http:\/\/127\.0\.0\.1:\d+/)
  try {
    check(await loadUrl(server.ready[0]))
  } finally {
    await server.stop()
  }
}

/** The rows of recipes that need more than their commands, by the names of the recipes. */
const special: Readonly<Record<string, (recipe: Recipe) => ReadonlyArray<Row>>> = {
  esbuild: (recipe) => [
    ...everywhere(recipe),
    server(recipe, { name: "esbuild, without splitting", edit: replacing(" --splitting", "") })
  ],
  "esbuild, packages outside of the bundle": (recipe) => [
    server(recipe),
    server(recipe, {
      name: `${recipe.name}, handlers`,
      renamed: { "main.ts": "main-handlers.ts" },
      edit: replacing("thread.ts", "handlers.ts")
    })
  ],
  "Vite for servers": (recipe) => [
    server(recipe),
    server(recipe, {
      name: "Vite for servers, packages outside of the bundle",
      edit: replacing("  ssr: { noExternal: true },\n", "")
    })
  ],
  "esbuild, packages with native code": (recipe) => [server(recipe, { handlers: NATIVE })],
  tsx: (recipe) => [server(recipe, { handlers: ENUM })],
  Vitest: (recipe) => [server(recipe, { handlers: ENUM, renamed: { "portability.test.ts": "inVitest.ts" } })],
  webpack: (recipe) => [server(recipe, { renamed: { "main.ts": "main-function.ts" } })],
  "Next.js": (recipe) => [{ name: recipe.name, nightly: true, run: (root) => runNext(root, recipe) }],
  "bun build --compile": (recipe) => [
    server(recipe, { name: "bun build --compile, started from /", cwd: "/" }),
    server(recipe, {
      name: "bun build --compile, one file",
      cwd: "/",
      edit: replacing("main.ts thread.ts", "single.ts")
    })
  ],
  "Single executable of Node": (recipe) => [
    server(recipe, { name: `${recipe.name}, started from /`, cwd: "/", renamed: { "main.ts": "main-sea.ts" } })
  ],
  "esbuild, one file": everywhere,
  Remote: remoteRows,
  "Vite for browsers": (recipe) => [
    {
      name: "Vite for browsers, built",
      run: async (root) => check(await load(join(await build(root, recipe), "dist"), "", { isolated: true }))
    },
    { name: "Vite for browsers, development", run: (root) => runViteDev(root, recipe) }
  ],
  "webpack for browsers": (recipe) => [
    {
      name: recipe.name,
      run: async (root) => check(await load(join(await build(root, recipe), "dist"), "page.js", { isolated: true }))
    }
  ],
  "esbuild for browsers": (recipe) =>
    [true, false].map((isolated) => ({
      name: `${recipe.name}, ${isolated ? "with" : "without"} shared memory`,
      run: async (root) =>
        check(
          await load(join(await build(root, recipe, { "page.ts": "page-url.ts" }), "dist"), "page.js", { isolated })
        )
    }))
}

const all = recipes()

for (const name of Object.keys(special)) strictEqual(all.filter((recipe) => recipe.name === name).length, 1, name)

export const recipeRows: ReadonlyArray<Row> = all.flatMap((recipe) =>
  special[recipe.name]?.(recipe) ?? [server(recipe)]
)
