/**
 * The bounds of the buckets of run times.
 *
 * Must stay true: it has no effect when it is loaded, so that the page of the dashboard takes one function of it.
 */

/** Buckets of a power of 2. */
export const PER_OCTAVE = 4

/** The exponent of the lower bound of the first bucket, in microseconds: 1/16. */
export const FIRST_OCTAVE = -4

/** The last bucket begins at an hour. */
export const RUN_TIME_BUCKETS = 144

/** The lower bound of a bucket, in microseconds. */
export const bucketMicros = (bucket: number): number =>
  2 ** (FIRST_OCTAVE + Math.floor(bucket / PER_OCTAVE)) * (1 + bucket % PER_OCTAVE / PER_OCTAVE)
