/**
 * The summary line at the end of `papyros run`, for people, on stderr.
 *
 * Must stay true: it counts every task that was read: as succeeded, as failed, or as not finished.
 */
import * as Duration from "effect/Duration"

/** The counts of a run so far. */
export interface Counts {
  /** Tasks of the input. */
  read: number
  succeeded: number
  failed: number
  /** Of a durable run, the tasks that were executed; the others were stored before. */
  executed: number | undefined
}

const count = (n: number): string => Math.round(n).toLocaleString("en-US")

const rate = (counts: Counts, millis: number): string => {
  const perSecond = (counts.succeeded + counts.failed) / Math.max(millis, 1) * 1000
  return `${perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)}/s`
}

const span = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : Duration.format(Duration.seconds(Math.round(millis / 1000)))

/** The summary line. */
export const summary = (task: string, counts: Counts, millis: number, interrupted: boolean): string => {
  const { executed, failed, read, succeeded } = counts
  const total = succeeded + failed
  const stored = executed === undefined ? "" : `, ${count(Math.max(0, total - executed))} of them stored before`
  const unfinished = read > total ? `, ${count(read - total)} not finished` : ""
  return `${task}: ${interrupted ? "interrupted after " : ""}${count(total)} ${total === 1 ? "task" : "tasks"} in ${
    span(millis)
  } (${rate(counts, millis)}), ${count(succeeded)} succeeded, ${count(failed)} failed${stored}${unfinished}`
}
