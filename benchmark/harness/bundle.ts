/** Bundles of threads, as programs that are deployed have them. */
import * as Effect from "effect/Effect"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "rolldown"
import { repositoryUrl } from "./modules.ts"

/** Bundles a thread module with all that it imports; returns the URL of the bundle, in `benchmark/dist`. */
export const bundleThread = (name: string, module: URL): Effect.Effect<URL> =>
  Effect.promise(async () => {
    const file = fileURLToPath(repositoryUrl(`benchmark/dist/${name}/thread.js`))
    await build({
      input: fileURLToPath(module),
      platform: "node",
      resolve: { conditionNames: ["papyros-source", "import", "default"] },
      output: { file, minify: true }
    })
    return pathToFileURL(file)
  })
