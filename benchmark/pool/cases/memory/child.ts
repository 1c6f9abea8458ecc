/** Input and output of the processes whose memory is measured: their arguments, and the one line that they print. */
import { peakMemory } from "../../../harness/peakMemory.ts"
import type { Tally } from "../../../harness/tally.ts"

export const tasks = Number(process.argv[2])

/** The option of piscina; 0 for others. */
export const concurrentTasksPerWorker = Number(process.argv[3])

/** Prints the tally and the peak memory as a JSON array. */
export const report = (tally: Tally): void => {
  console.log(JSON.stringify([...tally.toJSON(), peakMemory()]))
}
