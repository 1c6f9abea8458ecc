/**
 * Compares a version of Node with the oldest one that package.json allows.
 *
 * Must stay true: this module runs on Node 18, so it imports nothing but modules of Node.
 */
import { readFileSync } from "node:fs"

/** Why the command cannot run on this version of Node, or `undefined` if it can. `version` is `major.minor.patch`. */
export const nodeProblem = (version: string): string | undefined => {
  const oldest = oldestNode()
  const bound = numbersOf(oldest)
  const actual = numbersOf(version)
  const differing = bound.findIndex((number, i) => number !== actual[i])
  if (differing === -1 || actual[differing] > bound[differing]) return undefined
  const needed = oldest.replace(/\.0$/, "")
  const shown = version.split(".").slice(0, needed.split(".").length).join(".")
  return `papyros needs Node ${needed} or later, this is ${shown}`
}

/** The version in `engines` of package.json, which is `>=major.minor.patch`. */
const oldestNode = (): string => {
  // package.json is beside src and beside dist.
  const manifest: { readonly engines: { readonly node: string } } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  )
  return manifest.engines.node.replace(/^>=/, "")
}

const numbersOf = (version: string): ReadonlyArray<number> =>
  version.split(/[.-]/).slice(0, 3).map((part) => Number.parseInt(part, 10))
