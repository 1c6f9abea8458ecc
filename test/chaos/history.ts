/** Makes a history from a journal that handlers and the test have written. */
import type { History } from "papyros/testing"
import type { Line } from "../support/journal.ts"

/** A line of the journal. The test records accepted tasks and their outcomes; handlers record all other events. */
export interface ChaosLine extends Line {
  readonly what:
    | "accepted"
    | "start"
    | "end"
    /** The handler ends its thread now. */
    | "ends"
    /** The handler does something that may end its thread: at once, after the end of the other tasks, or with them. */
    | "mayEnd"
    | "success"
    | "failure"
    | "lost"
  readonly attempt?: number
  readonly idempotent?: boolean
}

/**
 * Makes the events of a journal, in their order.
 *
 * A handler records its end, but cannot know whether its thread could still report the end. If the task started again
 * or its outcome is unknown, the thread could not, and the task counts as running until its thread is lost.
 */
export const of = (lines: ReadonlyArray<ChaosLine>): ReadonlyArray<History.Event> => {
  const lastStart = new Map<number, number>()
  const lastOf = new Map<number, number>()
  const mayEnd = new Map<number, number>()
  const unknown = new Set<number>()
  for (const [at, { id, thread, what }] of lines.entries()) {
    if (what === "start") lastStart.set(id, at)
    if (what === "lost") unknown.add(id)
    if (what === "mayEnd") mayEnd.set(thread, id)
    if (what === "ends") mayEnd.delete(thread)
    if (thread > 0) lastOf.set(thread, at)
  }
  return lines.flatMap((line, at): ReadonlyArray<History.Event> => {
    const { id, thread } = line
    const worker = String(thread)
    const culprit = mayEnd.get(thread)
    const lost: ReadonlyArray<History.Event> = culprit !== undefined && lastOf.get(thread) === at
      ? [{ _tag: "Lost", worker, culprit }]
      : []
    switch (line.what) {
      case "accepted":
        return [{ _tag: "Accepted", id, idempotent: line.idempotent! }]
      case "start":
        return [{ _tag: "Started", id, worker, attempt: line.attempt! }, ...lost]
      case "end":
        return at > lastStart.get(id)! && !unknown.has(id) ? [{ _tag: "Settled", id, worker }, ...lost] : lost
      case "ends":
        return [{ _tag: "Lost", worker, culprit: id }]
      case "mayEnd":
        return lost
      case "success":
      case "failure":
      case "lost":
        return [{ _tag: "Outcome", id, outcome: line.what }]
    }
  })
}
