/** The peak resident memory of this process. The module imports nothing else, for processes whose memory is measured. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"

/**
 * The peak resident memory, in bytes.
 *
 * On Linux it is not taken from `process.resourceUsage`, whose maximum is at least that of the parent process.
 */
export const peakMemory = (): number => {
  const file = "/proc/self/status"
  const line = existsSync(file) ? /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(file, "utf8")) : null
  return 1024 * (line === null ? process.resourceUsage().maxRSS : Number(line[1]))
}

/** Sets the peak to the memory that is resident now. Does nothing on systems other than Linux. */
export const resetPeakMemory = (): void => {
  const file = "/proc/self/clear_refs"
  if (existsSync(file)) writeFileSync(file, "5")
}
