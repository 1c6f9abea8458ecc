/** Input and output of the processes whose memory is measured: their arguments, and the one line that they print. */
import { existsSync, readFileSync } from "node:fs"
import type { Tally } from "../../../harness/tally.ts"

export const tasks = Number(process.argv[2])

/** The option of piscina; 0 for others. */
export const concurrentTasksPerWorker = Number(process.argv[3])

/**
 * The peak resident memory of this process, in bytes.
 *
 * On Linux it is not taken from `process.resourceUsage`, whose maximum is at least that of the parent process.
 */
const peakMemory = (): number => {
  const file = "/proc/self/status"
  const line = existsSync(file) ? /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(file, "utf8")) : null
  return 1024 * (line === null ? process.resourceUsage().maxRSS : Number(line[1]))
}

/** Prints the tally and the peak memory as a JSON array. */
export const report = (tally: Tally): void => {
  console.log(JSON.stringify([...tally.toJSON(), peakMemory()]))
}
