#!/usr/bin/env node
/**
 * The entry of the command `papyros`: checks the version of Node, then loads the command.
 *
 * Must stay true: this file and its static imports use only modules and syntax of Node 18. Everything else is
 * imported after the check, because an old Node fails with a SyntaxError while it loads Effect.
 */
import { nodeProblem } from "./cli/nodeVersion.ts"

const problem = nodeProblem(process.versions.node)
if (problem === undefined) {
  await import("./cli/main.ts")
} else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 2
}
