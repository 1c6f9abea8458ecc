/** The project of a user: the app, the packed package and its peers, in a temporary folder. */
import { execFile } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)
const here = fileURLToPath(new URL(".", import.meta.url))
const repository = join(here, "../..")
const tools = join(here, "tools/node_modules")

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium"

/** The things that are missing, each with the command that gets it. */
export const missing = (): ReadonlyArray<string> => [
  ...(existsSync(tools) ? [] : ["the tools: npm ci --prefix test/portability/tools"]),
  ...(existsSync(CHROMIUM) ? [] : [`${CHROMIUM}: apt-get install chromium, or set CHROMIUM`])
]

/** Runs a command of the tools, or `node`, in a folder of the project, and returns the lines that it prints. */
export const command = async (
  cwd: string,
  name: string,
  ...args: ReadonlyArray<string>
): Promise<ReadonlyArray<string>> => {
  const path = [join(tools, ".bin"), dirname(process.execPath), process.env.PATH].join(delimiter)
  try {
    const { stdout } = await run(name, args, {
      cwd,
      timeout: 120_000,
      env: { ...process.env, PATH: path, NODE_OPTIONS: "" }
    })
    return stdout.split("\n")
  } catch (error) {
    const { message, stderr, stdout } = error as Error & { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${message}\n${stdout}${stderr}`)
  }
}

/** Makes the project, from a build of the package. */
export const makeProject = async (): Promise<string> => {
  const root = mkdtempSync(join(realpathSync(tmpdir()), "papyros-portability-"))
  await command(repository, "npm", "run", "--silent", "build")
  await command(repository, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", root)
  const modules = join(root, "node_modules")
  mkdirSync(join(modules, "papyros"), { recursive: true })
  const [tarball] = readdirSync(root).filter((name) => name.endsWith(".tgz"))
  await command(root, "tar", "xzf", tarball, "--strip-components=1", "-C", "node_modules/papyros")
  for (const name of ["effect", "@effect"]) symlinkSync(join(repository, "node_modules", name), join(modules, name))
  for (const name of ["vite", "webpack", "esbuild-loader", "esbuild"]) {
    symlinkSync(join(tools, name), join(modules, name))
  }
  writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module" }))
  cpSync(join(here, "app"), root, { recursive: true })
  return root
}
