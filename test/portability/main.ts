/**
 * Runs a program with worker threads in every runtime and from every bundler of docs/guides/bundlers.md:
 *
 *     npm run test:portability [-- PART-OF-A-NAME…]
 */
import { rmSync } from "node:fs"
import { makeProject, missing } from "./project.ts"
import { rows } from "./rows.ts"

const main = async (parts: ReadonlyArray<string>): Promise<boolean> => {
  const absent = missing()
  if (absent.length > 0) {
    console.error(`This is missing:\n${absent.map((line) => `  ${line}`).join("\n")}`)
    return false
  }
  const root = await makeProject()
  let failed = 0
  try {
    for (const { name, run } of rows) {
      if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue
      const start = performance.now()
      const error = await run(root).then(() => undefined, (error: unknown) => error)
      if (error !== undefined) failed++
      console.log(`${error === undefined ? "OK    " : "FAILED"} ${name} (${Math.round(performance.now() - start)} ms)`)
      if (error !== undefined) console.log(error)
    }
  } finally {
    if (process.env.KEEP === undefined) rmSync(root, { recursive: true })
    else console.log(root)
  }
  return failed === 0
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1
