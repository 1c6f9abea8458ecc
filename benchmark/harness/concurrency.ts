/**
 * The number of threads and of tasks in flight, the same for every competitor of the suites `pool` and `real`.
 *
 * This module imports nothing, for processes whose memory is measured.
 */

/** Worker threads, or worker processes, of every competitor. */
export const THREADS = 2

/**
 * Tasks of a competitor that are in flight, where the library leaves the limit to its caller.
 *
 * Without a limit no library was faster beyond noise (n + 1, 8 rounds of 8,000 tasks on a busy machine): the largest
 * gain was 1.2 times, of poolifier, and effect/rpc was 2.6 times slower.
 */
export const IN_FLIGHT = 64

/** Calls `run` for 0 to `tasks - 1`, with at most `IN_FLIGHT` calls in flight. */
export const forEachInFlight = async (tasks: number, run: (i: number) => Promise<void>): Promise<void> => {
  let next = 0
  const loop = async () => {
    while (next < tasks) await run(next++)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop))
}
