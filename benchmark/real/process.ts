/**
 * The process of one competitor in one case. Its arguments are the names of the library and of the input.
 *
 * For each message, a number of tasks, it runs that many and answers with an `Answer`. The first message also loads the
 * library and opens the pool, within the measured time; the payloads exist before.
 */
import { peakMemory, resetPeakMemory } from "../harness/peakMemory.ts"
import { libraries } from "./competitors/libraries.ts"
import type { Pool } from "./competitors/library.ts"
import { inputs } from "./workload/inputs.ts"

export interface Answer {
  /** The tally of the results. */
  readonly tally: readonly [succeeded: number, sum: number, squares: number]
  /** Elapsed time, in milliseconds. */
  readonly wall: number
  /** CPU time of all threads, in milliseconds. */
  readonly cpu: number
  /** The part of the elapsed time in which the library was loaded, in milliseconds. */
  readonly loading: number
  /** The peak of the resident memory, in bytes: since the last message, or since the start of the process. */
  readonly memory: number
}

/** Adds up the time of several parts of the work. */
class Stopwatch {
  wall = 0
  cpu = 0

  async time<A>(run: () => A | Promise<A>): Promise<A> {
    const before = performance.now()
    const cpu = process.cpuUsage()
    const value = await run()
    const { system, user } = process.cpuUsage(cpu)
    this.wall += performance.now() - before
    this.cpu += (user + system) / 1000
    return value
  }
}

const [library, name] = process.argv.slice(2)
const input = inputs.find((input) => input.name === name)!
const payload = input.payloads(input.distinct)
let pool: Pool | undefined

const answer = async (tasks: number): Promise<Answer> => {
  const stopwatch = new Stopwatch()
  let loading = 0
  if (pool === undefined) {
    const prepare = await stopwatch.time(libraries[library])
    loading = stopwatch.wall
    pool = await stopwatch.time(prepare(input, payload))
  } else resetPeakMemory()
  const { run } = pool
  const tally = await stopwatch.time(() => run(tasks))
  return { tally: tally.toJSON(), wall: stopwatch.wall, cpu: stopwatch.cpu, loading, memory: peakMemory() }
}

process.on("message", async (tasks: number) => {
  process.send!(await answer(tasks))
})

// Not by `process.exit`: the threads write their profiles, if they are profiled, when the pool closes.
process.on("disconnect", () => pool?.close())
