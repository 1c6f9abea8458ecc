import * as Duration from "effect/Duration"

/** What a run has done so far. */
export interface Counts {
  /** Bytes and tasks of the input. */
  bytes: number
  read: number
  succeeded: number
  failed: number
}

/** Goes back to the start of the line and empties it. */
export const CLEAR = "\r\u001b[2K"

const count = (n: number): string => Math.round(n).toLocaleString("en-US")

const rate = (counts: Counts, millis: number): string => {
  const perSecond = (counts.succeeded + counts.failed) / Math.max(millis, 1) * 1000
  return `${perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)}/s`
}

const span = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : Duration.format(Duration.seconds(Math.round(millis / 1000)))

/** The state of a run in one line that fits into so many columns. */
export const line = (counts: Counts, millis: number, size: number | undefined, columns: number): string => {
  const { bytes, failed, read, succeeded } = counts
  const parts = [
    `${count(succeeded + failed)} done`,
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    `${count(read - succeeded - failed)} under way`,
    rate(counts, millis),
    span(millis),
    ...(size === undefined || size === 0 ? [] : [`${Math.min(100, Math.floor(bytes / size * 100))} % read`])
  ]
  // One column stays free: a terminal that is written to its edge wraps.
  return parts.join(" · ").slice(0, Math.max(0, columns - 1))
}

/** What became of a run. */
export const summary = (task: string, counts: Counts, millis: number, interrupted: boolean): string => {
  const { failed, read, succeeded } = counts
  const total = succeeded + failed
  const unfinished = read > total ? `, ${count(read - total)} not finished` : ""
  return `${task}: ${interrupted ? "interrupted after " : ""}${count(total)} ${total === 1 ? "task" : "tasks"} in ${
    span(millis)
  } (${rate(counts, millis)}), ${count(succeeded)} succeeded, ${count(failed)} failed${unfinished}`
}
