/**
 * Timers of the platform count milliseconds in 31 bits, and fire at once if they are given more. Every time that comes
 * from an option must be clamped before it is given to one.
 */
const MAX_TIMEOUT = 2 ** 31 - 1

/** The longest that a timer can wait, up to `millis`. A timer that must not fire early is set again. */
export const clampTimeout = (millis: number): number => Math.min(millis, MAX_TIMEOUT)
