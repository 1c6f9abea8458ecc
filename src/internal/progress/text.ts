/**
 * Counts, rates and times as text, for lines in a terminal and in a log.
 *
 * Must stay true: every text consists of characters of one column.
 */
import type { Progress } from "./counts.ts"
import type { Estimate } from "./estimate.ts"

/** The texts about one stream. A part that is not known, or not worth a column, is `undefined`. */
export interface Texts {
  /** How much of the total is done, from 0 to 1. */
  readonly fraction: number | undefined
  readonly percent: string | undefined
  readonly counts: string
  readonly rate: string | undefined
  /** The remaining time, or for how long the stream has stalled. */
  readonly time: string | undefined
  readonly failed: string | undefined
}

export const textsOf = ({ done, failed, total }: Progress, estimate: Estimate): Texts => {
  const isKnown = total !== undefined && done <= total
  const { stalled } = estimate
  const remaining = isKnown && stalled === undefined ? estimate.remaining(total) : undefined
  const fraction = isKnown ? (total === 0 ? 1 : done / total) : undefined
  return {
    fraction,
    // 100 % means that all is done.
    percent: fraction === undefined ? undefined : `${Math.floor(fraction * 100)} %`,
    counts: isKnown ? `${count(done)} of ${count(total)}` : count(done),
    rate: stalled === undefined && done > 0 ? rate(estimate.rate) : undefined,
    time: stalled !== undefined
      ? `stalled ${duration(stalled)}`
      : remaining === undefined
      ? undefined
      : `${duration(rounded(remaining))} left`,
    failed: failed > 0 ? `${count(failed)} failed` : undefined
  }
}

export const count = (n: number): string => n.toLocaleString("en-US")

export const rate = (perSecond: number): string =>
  perSecond >= 9.95
    ? `${count(Math.round(perSecond))}/s`
    : perSecond >= 0.095
    ? `${perSecond.toFixed(1)}/s`
    : `${(perSecond * 60).toFixed(1)}/min`

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Up to a time in milliseconds, the precision that an estimate has. */
const PRECISION = [[20 * SECOND, SECOND], [2 * MINUTE, 5 * SECOND], [10 * MINUTE, 10 * SECOND], [2 * HOUR, MINUTE], [
  10 * HOUR,
  10 * MINUTE
], [Infinity, HOUR]] as const

/** An estimated time, without digits that it cannot know. It is never 0. */
const rounded = (millis: number): number => {
  const [, step] = PRECISION.find(([below]) => millis < below)!
  return Math.max(step, Math.round(millis / step) * step)
}

/** A time in its two largest units. */
export const duration = (millis: number): string => {
  const seconds = Math.floor(millis / SECOND)
  if (millis < MINUTE) return `${seconds} s`
  if (millis < HOUR) return pair(Math.floor(millis / MINUTE), "min", seconds % 60, "s")
  const minutes = Math.floor(millis / MINUTE)
  if (millis < DAY) return pair(Math.floor(millis / HOUR), "h", minutes % 60, "min")
  return pair(Math.floor(millis / DAY), "d", Math.floor(millis / HOUR) % 24, "h")
}

const pair = (large: number, unit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${count(large)} ${unit}` : `${count(large)} ${unit} ${small} ${smallUnit}`
