/** What the processes whose memory is measured are told, and what they say at their end. */
import { existsSync, readFileSync } from "node:fs"
import type { Tally } from "../../../harness/tally.ts"

export const tasks = Number(process.argv[2])

export const setting = Number(process.argv[3])

/**
 * In bytes. Not `process.resourceUsage` where there is better: to Linux the maximum of
 * a process is at least that of the one that started it.
 */
const mostResident = (): number => {
  const file = "/proc/self/status"
  const line = existsSync(file) ? /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(file, "utf8")) : null
  return 1024 * (line === null ? process.resourceUsage().maxRSS : Number(line[1]))
}

/** One line: what was delivered, and the most resident memory there has been. */
export const report = (tally: Tally): void => {
  console.log(JSON.stringify([...tally.toJSON(), mostResident()]))
}
