/** Imports nothing, for processes that are measured whole. */

/** Threads, or processes, of every competitor. */
export const THREADS = 2

/**
 * Tasks that a peer is given at once. Given all of n + 1 at once, none was faster beyond the noise (8 rounds of
 * 8,000 on a busy machine): the most was poolifier by 1.2 times, and effect/rpc was 2.6 times slower.
 */
export const WINDOW = 64

export const windowed = async (tasks: number, one: (i: number) => Promise<void>): Promise<void> => {
  let next = 0
  const loop = async () => {
    while (next < tasks) await one(next++)
  }
  await Promise.all(Array.from({ length: WINDOW }, loop))
}
