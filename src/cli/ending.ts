/**
 * The lines after the summary of `papyros run`, for people, on stderr: where the time of slots went, and advice.
 *
 * Must stay true: a run under 2 seconds has none, and the shares add up to about 100 %.
 */
import { BUDGET_NAMES, BUDGET_PARTS, totalOf } from "../internal/recorder/timeBudget.ts"
import type * as Recording from "../Recording.ts"

/** Runs below this say nothing, in milliseconds. */
const SHORTEST_RUN = 2000

/** Shares below this are left out. */
const LEAST_SHARE = 0.005

const slotsOf = ({ duration, workers }: Recording.Summary): number => {
  let slotTime = 0
  for (const { joinedAt, leftAt, slots } of workers) slotTime += slots * ((leftAt ?? duration) - joinedAt)
  return Math.max(1, Math.round(slotTime / duration))
}

/** No lines, or those of a run that has ended. */
export const ending = (summary: Recording.Summary): ReadonlyArray<string> => {
  const { advice, budget, duration, mainThread } = summary
  const total = totalOf(budget)
  if (duration < SHORTEST_RUN || total === 0) return []
  const shares = BUDGET_PARTS
    .map((part) => ({ cause: BUDGET_NAMES[part], share: budget[part] / total }))
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
