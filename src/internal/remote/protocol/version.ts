/** The version of this package, as workers and clients tell each other. */
import { readFileSync } from "node:fs"

const manifest: { readonly version: string } = JSON.parse(
  // Beside src and beside dist.
  readFileSync(new URL("../../../../package.json", import.meta.url), "utf8")
)

export const VERSION: string = manifest.version
