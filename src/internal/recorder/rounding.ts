/** Rounds the numbers of summaries. */

/** Hundredths are enough, and shorter. */
export const round = (millis: number): number => Math.round(millis * 100) / 100
export const fine = (millis: number): number => Math.round(millis * 1e6) / 1e6
export const share = (part: number, whole: number): number =>
  whole > 0 ? round(Math.min(1, Math.max(0, part / whole))) : 0
