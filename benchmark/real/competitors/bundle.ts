/** The process of papyros and its threads as one bundle with `effect`, without the libraries of the functions. */
import * as Effect from "effect/Effect"
import { globSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "rolldown"
import { compiled, repositoryUrl } from "../../harness/modules.ts"

const directory = repositoryUrl("benchmark/dist/bundle/")

export const bundledProcess = new URL("process.js", directory)

/** Makes the bundle of the compiled modules. */
export const bundle = Effect.promise(async () => {
  if (!compiled) return
  const cwd = fileURLToPath(new URL("..", import.meta.url))
  const files = ["process.js", ...globSync("workload/threads/*.js", { cwd })]
  await build({
    cwd,
    input: Object.fromEntries(files.map((file) => [file.slice(0, -3), `./${file}`])),
    platform: "node",
    external: (id) => /^[a-z]/.test(id) && !/^(effect|papyros)\//.test(id),
    output: { dir: fileURLToPath(directory), chunkFileNames: "chunks/[name].js", minify: true }
  })
})
