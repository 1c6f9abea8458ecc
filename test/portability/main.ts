/**
 * Runs a program with worker threads in every runtime, and by every recipe of docs/guides/bundlers.md:
 *
 *     npm run test:portability [-- [--nightly] PART-OF-A-NAME…]
 *
 * With `--nightly`, the rows that take long run too.
 */
import { rmSync } from "node:fs"
import { makeProject, missing } from "./project.ts"
import { rows } from "./rows.ts"

const main = async (args: ReadonlyArray<string>): Promise<boolean> => {
  const absent = missing()
  if (absent.length > 0) {
    console.error(`This is missing:\n${absent.map((line) => `  ${line}`).join("\n")}`)
    return false
  }
  const parts = args.filter((arg) => arg !== "--nightly")
  const chosen = rows.filter(({ name, nightly }) =>
    (nightly !== true || args.includes("--nightly")) &&
    (parts.length === 0 || parts.some((part) => name.includes(part)))
  )
  const began = performance.now()
  const root = await makeProject()
  let failed = 0
  try {
    for (const { name, run } of chosen) {
      const start = performance.now()
      const { error, figure } = await run(root).then(
        (figure) => ({ error: undefined, figure: figure ?? "" }),
        (error: unknown) => ({ error, figure: "" })
      )
      if (error !== undefined) failed++
      const millis = Math.round(performance.now() - start)
      console.log(`${error === undefined ? "OK    " : "FAILED"} ${name} (${millis} ms)${figure && `: ${figure}`}`)
      if (error !== undefined) console.log(error)
    }
  } finally {
    if (process.env.KEEP === undefined) rmSync(root, { recursive: true })
    else console.log(root)
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${chosen.length - failed} passed, ${failed} failed, in ${seconds} s`)
  return failed === 0 && chosen.length > 0
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1
