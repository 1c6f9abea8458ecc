// Prints the counts of a test run, from vitest's JSON report, and fails unless every test passed and
// there was at least one. A file that could not be loaded has no tests to count, so it counts as one failure.
import { existsSync, readFileSync } from "node:fs"

interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly assertionResults: ReadonlyArray<unknown>
  }>
}

const [file] = process.argv.slice(2)
const report: Report | undefined = file !== undefined && existsSync(file)
  ? JSON.parse(readFileSync(file, "utf8"))
  : undefined

const unloaded = report?.testResults.filter((_) => _.status === "failed" && _.assertionResults.length === 0) ?? []
const passed = report?.numPassedTests ?? 0
const failed = (report?.numFailedTests ?? 0) + unloaded.length
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
process.exitCode = report?.success === true && failed === 0 && passed > 0 ? 0 : 1
