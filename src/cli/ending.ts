/**
 * The lines after the summary of `papyros run`, for people, on stderr: where the time of slots went, and advice.
 *
 * Must stay true: a run under 2 seconds has none, and the shares add up to about 100 %.
 */
import type * as Recording from "../Recording.ts"

/** Runs below this say nothing, in milliseconds. */
const SHORTEST_RUN = 2000

/** Shares below this are left out. */
const LEAST_SHARE = 0.005

/** In the order in which equal shares are named. */
const causes: Readonly<Record<keyof Recording.TimeBudget, string>> = {
  running: "running tasks",
  sending: "sending",
  starting: "starting",
  input: "waiting for input",
  consumer: "waiting for the output",
  order: "waiting for the order",
  retry: "waiting for retries",
  noTasks: "no tasks left"
}

const slotsOf = ({ duration, workers }: Recording.Summary): number => {
  let slotTime = 0
  for (const { joinedAt, leftAt, slots } of workers) slotTime += slots * ((leftAt ?? duration) - joinedAt)
  return Math.max(1, Math.round(slotTime / duration))
}

/** No lines, or those of a run that has ended. */
export const ending = (summary: Recording.Summary): ReadonlyArray<string> => {
  const { advice, budget, duration, mainThread } = summary
  const total = Object.values<number>({ ...budget }).reduce((sum, millis) => sum + millis, 0)
  if (duration < SHORTEST_RUN || total === 0) return []
  const shares = (Object.keys(causes) as Array<keyof Recording.TimeBudget>)
    .map((cause) => ({ cause: causes[cause], share: budget[cause] / total }))
    .filter(({ share }, i) => i === 0 || share >= LEAST_SHARE)
  const [running, ...others] = shares
  const text = [running, ...others.toSorted((a, b) => b.share - a.share)]
    .map(({ cause, share }) => `${Math.round(100 * share)} % ${cause}`)
  const slots = slotsOf(summary)
  return [
    `${slots} ${slots === 1 ? "slot" : "slots"}: ${text.join(", ")}. Main thread: ${
      Math.round(100 * mainThread)
    } % busy.`,
    ...advice.map(({ text }) => `Advice: ${text}`)
  ]
}
