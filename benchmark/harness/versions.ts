/** Versions of the installed packages that a suite compares, for its settings. */
import { readFileSync } from "node:fs"

/** For example `piscina 5.3.2`. */
export const packageVersion = (name: string): string => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8")
  )
  return `${name} ${manifest.version}`
}
