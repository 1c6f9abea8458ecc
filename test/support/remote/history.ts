/** The records of handlers in worker processes and of the test, and the check against the promises of delivery. */
import { History } from "papyros/testing"
import type { Line } from "../journal.ts"

/** `thread` is the id of the process. */
export interface RemoteLine extends Line {
  readonly what:
    | "accepted"
    | "start"
    | "end"
    | "interrupted"
    /** The handler kills its process now. */
    | "kills"
    /** Clients may lose this process at any time from now on. The test records this before it injects the fault. */
    | "fault"
    | "success"
    | "failure"
    /** Lost with its worker, although the task did not end the worker. */
    | "lost"
  readonly attempt?: number
  readonly idempotent?: boolean
}

type Start = Extract<History.Event, { readonly _tag: "Started" }>

/** The culprit of a fault that the test injects: no task. */
const NOBODY = -1

/**
 * Finds all violations. A dispatcher also counts a start for a task that was sent to a worker and lost before its
 * handler ran, so attempts may grow by more than one.
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

  /** Records the loss of the worker that runs a task, if the test may have caused such a loss. */
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
        // A task with the outcome WorkerLost may still start once, on the worker that claimed it.
        if (told.has(id) && !starts.has(id) && faulty.has(pid)) {
          starts.set(id, 1)
          break
        }
        // The task was sent to a frozen worker, was started elsewhere, and reached this handler only after the thaw.
        if (attempt < before && faulty.has(pid) && idempotents.get(id) === true) break
        if (attempt <= before) wrong.push(`task ${id} started as attempt ${attempt} after attempt ${before}`)
        highest.set(id, Math.max(before, attempt))
        lose(id)
        const count = (starts.get(id) ?? 0) + 1
        starts.set(id, count)
        // Each start has a worker of its own, because a process may lose only its connections to some clients.
        const start: Start = { _tag: "Started", id, worker: `${pid}/${id}`, attempt: count }
        running.set(id, { start, pid })
        events.push(start)
        break
      }
      case "end":
        // The client did not receive this end if the task started again or its outcome is unknown.
        if (lasts.get(id) === attempt && !lost.has(id)) {
          events.push({ _tag: "Settled", id, worker: `${pid}/${id}` })
        }
        break
      case "lost":
        lose(id)
        told.add(id)
        // The task was claimed and may not have started.
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
