/**
 * The progress line and the summary of `papyros run`, for people, on stderr.
 *
 * Must stay true: the progress line fits into the terminal, because only one line can be cleared.
 */
import * as Duration from "effect/Duration"

/** The counts of a run so far. */
export interface Counts {
  /** Bytes and tasks of the input. */
  bytes: number
  read: number
  succeeded: number
  failed: number
  /** Of a durable run, the tasks that were executed; the others were stored before. */
  executed: number | undefined
}

/** Moves to the start of the line and clears it. */
export const CLEAR = "\r\u001b[2K"

const count = (n: number): string => Math.round(n).toLocaleString("en-US")

const rate = (counts: Counts, millis: number): string => {
  const perSecond = (counts.succeeded + counts.failed) / Math.max(millis, 1) * 1000
  return `${perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)}/s`
}

const span = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : Duration.format(Duration.seconds(Math.round(millis / 1000)))

/** The progress line, which fits into `columns`. */
export const line = (counts: Counts, millis: number, size: number | undefined, columns: number): string => {
  const { bytes, failed, read, succeeded } = counts
  const parts = [
    `${count(succeeded + failed)} done`,
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    `${count(read - succeeded - failed)} in progress`,
    rate(counts, millis),
    span(millis),
    ...(size === undefined || size === 0 ? [] : [`${Math.min(100, Math.floor(bytes / size * 100))} % read`])
  ]
  // A terminal wraps when its last column is written.
  return parts.join(" · ").slice(0, Math.max(0, columns - 1))
}

/** The summary line at the end of a run. */
export const summary = (task: string, counts: Counts, millis: number, interrupted: boolean): string => {
  const { executed, failed, read, succeeded } = counts
  const total = succeeded + failed
  const stored = executed === undefined ? "" : `, ${count(Math.max(0, total - executed))} of them stored before`
  const unfinished = read > total ? `, ${count(read - total)} not finished` : ""
  return `${task}: ${interrupted ? "interrupted after " : ""}${count(total)} ${total === 1 ? "task" : "tasks"} in ${
    span(millis)
  } (${rate(counts, millis)}), ${count(succeeded)} succeeded, ${count(failed)} failed${stored}${unfinished}`
}
