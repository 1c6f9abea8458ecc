/** Versions of the installed packages that a suite compares, for its settings. */
import { readFileSync } from "node:fs"
import { repositoryUrl } from "./modules.ts"

/** For example `piscina 5.3.2`. */
export const packageVersion = (name: string): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(repositoryUrl(`node_modules/${name}/package.json`), "utf8")
  )
  return `${name} ${manifest.version}`
}
