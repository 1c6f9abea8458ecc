/** The project of a user: the app, the packed package and its peers, in a temporary folder. */
import { deepStrictEqual } from "node:assert/strict"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { command, tools } from "./processes.ts"
import { modules, type Recipe } from "./recipes.ts"

const here = fileURLToPath(new URL(".", import.meta.url))
const repository = join(here, "../..")

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium"

/** The things that are missing, each with the command that gets it. */
export const missing = (): ReadonlyArray<string> => [
  ...(existsSync(tools) ? [] : ["the tools: npm ci --prefix test/portability/tools"]),
  ...(existsSync(CHROMIUM) ? [] : [`${CHROMIUM}: apt-get install chromium, or set CHROMIUM`])
]

/** The programs of the app observe more than those of the guides. The other modules of the guides are those of the app. */
const OWN = ["main.ts", "single.ts"]

export const checkModules = (): void => {
  for (const { name, text } of modules()) {
    const file = join(here, "app", name)
    if (existsSync(file) && !OWN.includes(name)) {
      deepStrictEqual({ name, text }, { name, text: readFileSync(file, "utf8") })
    }
  }
}

const link = (target: string, path: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}

/** Makes the project, from a build of the package. */
export const makeProject = async (): Promise<string> => {
  const root = mkdtempSync(join(realpathSync(tmpdir()), "papyros-portability-"))
  await command(repository, ["npm", "run", "--silent", "build"])
  await command(repository, ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", root])
  const modules = join(root, "node_modules")
  mkdirSync(join(modules, "papyros"), { recursive: true })
  const [tarball] = readdirSync(root).filter((name) => name.endsWith(".tgz"))
  await command(root, ["tar", "xzf", tarball, "--strip-components=1", "-C", "node_modules/papyros"])
  for (const name of ["effect", "@effect"]) link(join(repository, "node_modules", name), join(modules, name))
  const { dependencies } = JSON.parse(readFileSync(join(here, "tools/package.json"), "utf8"))
  for (const name of Object.keys(dependencies)) link(join(tools, name), join(modules, name))
  writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module" }))
  cpSync(join(here, "app"), root, { recursive: true })
  return root
}

/** Makes a folder of the project with the app and the files of a recipe. `renamed`: files of the app by their new names. */
export const makeFolder = (
  root: string,
  recipe: Recipe,
  renamed: Readonly<Record<string, string>> = {}
): string => {
  const folder = mkdtempSync(join(root, `${recipe.name.replaceAll(/\W+/g, "-")}-`))
  cpSync(join(here, "app"), folder, { recursive: true })
  for (const [to, from] of Object.entries(renamed)) cpSync(join(here, "app", from), join(folder, to))
  for (const { name, text } of recipe.files) writeFileSync(join(folder, name), text)
  return folder
}

/**
 * Makes a folder for Next.js, which accepts no links to packages outside of the folder, and no program that is not there.
 * The copies are hard links where that is possible.
 */
export const makeNextFolder = async (root: string, recipe: Recipe): Promise<string> => {
  const folder = makeFolder(root, recipe)
  const modules = join(folder, "node_modules")
  const copy = (from: string, to: string) =>
    command(folder, ["sh", "-c", `cp -alL "$0" "$1" 2>/dev/null || cp -aL "$0" "$1"`, from, to])
  await command(folder, ["sh", "-c", `cp -al "$0" "$1" 2>/dev/null || cp -a "$0" "$1"`, tools, modules])
  await copy(join(root, "node_modules/papyros"), modules)
  for (const name of ["effect", "@effect"]) await copy(join(repository, "node_modules", name), modules)
  cpSync(join(here, "next"), folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(join(folder, "package-lock.json"), "{}")
  return folder
}
