/**
 * Bundles the sources, effect and its platform for the processes and threads that tests start. Each of them loads
 * hundreds of modules, which takes half of the time, or less, from a few files.
 *
 * The bundle has a module for each module that it was made from, with the same exports, and `hook.ts` loads it in the
 * place of the other. Most of the code is in a few scripts (`scripts.ts`). The name of its folder is a hash of its inputs,
 * so a bundle is never older than the sources.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { type Plugin, rolldown } from "rolldown"
import { withScripts } from "./scripts.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const bundles = join(root, "node_modules/.cache/papyros")

const files = (...patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  globSync(patterns, { cwd: root }).sort().map((file) => join(root, file))

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

const hashOf = (files: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const file of files) hash.update(`${file}\0${readFileSync(file, "utf8")}\0`)
  return hash.digest("hex").slice(0, 16)
}

const isBundled = (id: string): boolean => id.startsWith(join(root, "src/")) || /\/node_modules\/@?effect\//.test(id)

/** The place of a module in the bundle. */
const placeOf = (id: string): string => relative(root, id).replace(/^node_modules\//, "").replace(/\.[jt]s$/, ".js")

const make = async (sources: ReadonlyArray<string>, folder: string): Promise<void> => {
  /** The places of modules, by the URL of the module that each was made from. */
  const places: Record<string, string> = {}
  /**
   * One chunk has the modules that worker threads load, and effect's; one those that the threads of Remote workers load
   * too; one those of dispatchers in one process; one those that the command always loads; and one those of Remote.
   */
  const groups = {
    thread: new Set<string>(),
    wire: new Set<string>(),
    local: new Set<string>(),
    command: new Set<string>(),
    remote: new Set<string>()
  }
  const plugin: Plugin = {
    name: "papyros",
    // The page is not a source: it is built where it stands, when it is loaded.
    resolveId: (id) =>
      id === "#page" ? { id: pathToFileURL(join(root, "scripts/page.ts")).href, external: true } : null,
    // Modules find other files, such as `package.json`, by their own URL.
    transform: (code, id) =>
      isBundled(id)
        ? code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
        : null,
    moduleParsed({ id }) {
      if (!isBundled(id)) return
      const fileName = placeOf(id)
      places[pathToFileURL(id).href] = fileName
      // The sources are entries from the beginning.
      if (!sources.includes(id)) this.emitFile({ type: "chunk", id, fileName, preserveSignature: "strict" })
    },
    buildEnd() {
      const add = (group: Set<string>, ids: ReadonlyArray<string>): void => {
        for (const id of ids) {
          if (group.has(id)) continue
          group.add(id)
          add(group, this.getModuleInfo(id)?.importedIds ?? [])
        }
      }
      // Without the entry, which runs something when it is loaded.
      const importsOf = (entry: string) => this.getModuleInfo(join(root, "src", entry))!.importedIds
      add(groups.thread, importsOf("internal/threads/thread/entry.ts"))
      add(groups.thread, Array.from(this.getModuleIds()).filter((id) => /\/effect\/dist\/[^/]+\.js$/.test(id)))
      add(groups.wire, [join(root, "src/internal/encoding/wire/taskCodecs.ts")])
      add(groups.local, ["Dummy", "Fiber", "WorkerPool"].map((name) => join(root, `src/layers/${name}Dispatcher.ts`)))
      add(groups.command, importsOf("cli/main.ts"))
      const remote = ["RemoteWorker", "layers/RemoteDispatcher", "internal/remote/registry/server", "cli/statusQuery"]
      add(groups.remote, remote.map((name) => join(root, `src/${name}.ts`)))
    }
  }
  const inputs = sources.map((file) => [placeOf(file).slice(0, -".js".length), file])
  const bundle = await rolldown({
    input: { ...Object.fromEntries(inputs), hook: beside("hook.ts"), loadScript: beside("loadScript.ts") },
    external: /^(?!@?effect(\/|$)|[./#])/,
    resolve: { conditionNames: ["papyros-source", "node", "import", "default"] },
    platform: "node",
    preserveEntrySignatures: "strict",
    treeshake: false,
    plugins: [plugin]
  })
  const { output } = await bundle.generate({
    chunkFileNames: "shared/[name].js",
    codeSplitting: {
      groups: Object.entries(groups).map(([name, ids], i) => ({ name, priority: 5 - i, test: (id) => ids.has(id) }))
    },
    comments: false
  })
  const modules = new Map(
    output.map((file) => [file.fileName, file.type === "chunk" ? file.code : String(file.source)])
  )
  for (const [path, code] of withScripts(modules, Object.keys(groups).map((name) => `shared/${name}.js`))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), code)
  }
  writeFileSync(join(folder, "places.json"), JSON.stringify(places))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
}

/** Makes V8's code cache of the scripts, and Node's compile cache of the modules. */
const warmUp = (folder: string, options: string): void => {
  const { error, status, stderr } = spawnSync(
    process.execPath,
    ["--conditions=papyros-source", beside("warmUp.ts")],
    {
      input: JSON.stringify({ n: 1 }),
      env: { ...process.env, NODE_OPTIONS: options, PAPYROS_TEST_CODE_CACHE: "1" },
      encoding: "utf8"
    }
  )
  if (status === 0) return
  rmSync(folder, { recursive: true })
  throw new Error(`the bundle does not run: ${error ?? stderr}`)
}

const DAY = 24 * 3600 * 1000

/** Makes the bundle, unless there is one, and returns the option of Node with which a process loads it. */
export const bundled = async (): Promise<string> => {
  const sources = files("src/**/*.ts")
  const folder = join(bundles, hashOf([...sources, ...files("test/support/bundle/*.ts", "package{,-lock}.json")]))
  const options = `--import=${pathToFileURL(join(folder, "hook.js"))}`
  if (!existsSync(folder)) {
    const made = `${folder}-${process.pid}`
    await make(sources, made)
    // Another run may have made it meanwhile.
    if (!existsSync(folder)) renameSync(made, folder)
    warmUp(folder, options)
    for (const other of readdirSync(bundles)) {
      const path = join(bundles, other)
      if (statSync(path).mtimeMs < Date.now() - DAY) rmSync(path, { recursive: true })
    }
  }
  return options
}
