/** The bounds of a chunk and of the chunks in flight, which clients keep and workers enforce, and of the slots. */

/** The largest chunk, in tasks. A larger one would not help. */
export const MAX_CHUNK = 1024

/**
 * The most chunks in flight for each unit of credit. Chunks use credit by their expected work, but with many tiny chunks
 * in flight both sides spend most of their time waking each other.
 */
export const CHUNKS_PER_CREDIT = 16

/**
 * The most slots of one worker that a client reckons with. The number of tasks that it pulls ahead grows with them, and a
 * worker chooses the number that it offers.
 */
export const MAX_SLOTS = 16_384
