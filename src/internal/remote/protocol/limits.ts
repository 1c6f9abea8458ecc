/** The bounds of a chunk and of the chunks in flight, which clients keep and workers enforce. */

/** The largest chunk, in tasks. A larger one would not help. */
export const MAX_CHUNK = 1024

/**
 * The most chunks in flight for each unit of credit. Chunks use credit by their expected work, but with many tiny chunks
 * in flight both sides spend most of their time waking each other.
 */
export const CHUNKS_PER_CREDIT = 16
