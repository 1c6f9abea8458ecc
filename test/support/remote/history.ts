/** What handlers in worker processes, and the test, write down, and whether it keeps the promises of delivery. */
import { History } from "papyros/testing"
import type { Line } from "../journal.ts"

/** `thread` is the id of the process. */
export interface RemoteLine extends Line {
  readonly what:
    | "accepted"
    | "start"
    | "end"
    | "interrupted"
    /** It kills its process now. */
    | "kills"
    /** From here on this process may be lost to its clients, at any time; the test says so before it sees to it. */
    | "fault"
    | "success"
    | "failure"
    /** Lost with its worker, though it did nothing to it. */
    | "lost"
  readonly attempt?: number
  readonly idempotent?: boolean
}

type Start = Extract<History.Event, { readonly _tag: "Started" }>

/** No task is to blame for what the test does. */
const NOBODY = -1

/**
 * What is wrong. What was sent to a worker and lost before it started counts as a start
 * for its dispatcher, and is not seen here; so attempts grow, but not by ones.
 */
export const violations = (lines: ReadonlyArray<RemoteLine>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const events: Array<History.Event> = []
  const faulty = new Set<number>()
  const running = new Map<number, { readonly start: Start; readonly pid: number }>()
  const starts = new Map<number, number>()
  const highest = new Map<number, number>()
  const told = new Set<number>()
  const { idempotents, lasts, lost } = survey(lines)

  /** A task whose worker may have been lost, if that would explain what comes next. */
  const lose = (id: number) => {
    const one = running.get(id)
    if (one === undefined || !faulty.has(one.pid)) return
    events.push({ _tag: "Lost", worker: one.start.worker, culprit: NOBODY })
    running.delete(id)
  }

  for (const { attempt = 1, id, thread: pid, what } of lines) {
    switch (what) {
      case "accepted":
        events.push({ _tag: "Accepted", id, idempotent: idempotents.get(id)! })
        break
      case "fault":
      case "kills":
        faulty.add(pid)
        break
      case "start": {
        const before = highest.get(id) ?? 0
        // What is said to be lost may start yet, once, where it was claimed.
        if (told.has(id) && !starts.has(id) && faulty.has(pid)) {
          starts.set(id, 1)
          break
        }
        // It was sent there before it was started elsewhere, and reached a handler only after a thaw.
        if (attempt < before && faulty.has(pid) && idempotents.get(id) === true) break
        if (attempt <= before) wrong.push(`task ${id} started as attempt ${attempt} after attempt ${before}`)
        highest.set(id, Math.max(before, attempt))
        lose(id)
        const count = (starts.get(id) ?? 0) + 1
        starts.set(id, count)
        // Each runs in a worker of its own, because of a process only the connection to some clients may be lost.
        const start: Start = { _tag: "Started", id, worker: `${pid}/${id}`, attempt: count }
        running.set(id, { start, pid })
        events.push(start)
        break
      }
      case "end":
        // Of one that started again, or whose outcome is unknown, the end was not heard of.
        if (lasts.get(id) === attempt && !lost.has(id)) {
          events.push({ _tag: "Settled", id, worker: `${pid}/${id}` })
        }
        break
      case "lost":
        lose(id)
        told.add(id)
        // It was claimed and may not have started.
        events.push({ _tag: "Outcome", id, outcome: starts.has(id) || faulty.size === 0 ? "lost" : "failure" })
        break
      case "success":
      case "failure":
        events.push({ _tag: "Outcome", id, outcome: what })
        break
      case "interrupted":
        break
    }
  }
  return [...wrong, ...History.check(events).map(({ message }) => message)]
}

const survey = (lines: ReadonlyArray<RemoteLine>) => {
  const idempotents = new Map<number, boolean>()
  /** The last attempt of each task. */
  const lasts = new Map<number, number>()
  const lost = new Set<number>()
  for (const { attempt = 1, id, idempotent, what } of lines) {
    if (what === "accepted") idempotents.set(id, idempotent!)
    if (what === "start") lasts.set(id, Math.max(lasts.get(id) ?? 0, attempt))
    if (what === "lost") lost.add(id)
  }
  return { idempotents, lasts, lost }
}
