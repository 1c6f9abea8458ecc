/** Makes a history of a journal that handlers and the test have appended to. */
import type { History } from "papyros/testing"
import type { Line } from "../support/journal.ts"

/** What is written down, and by whom: the test says what it gave and what it was told, handlers all else. */
export interface ChaosLine extends Line {
  readonly what:
    | "accepted"
    | "start"
    | "end"
    /** It ends its thread now. */
    | "ends"
    /** It does what may end its thread: at once, when its mates have stopped, or together with them. */
    | "mayEnd"
    | "success"
    | "failure"
    | "lost"
  readonly attempt?: number
  readonly idempotent?: boolean
}

/**
 * The events, in their order.
 *
 * A handler knows when it ends, but not whether its thread could still say so. If
 * the task is started again, or its outcome is unknown, it could not, and the task
 * counts as running until its thread is lost.
 */
export const of = (lines: ReadonlyArray<ChaosLine>): ReadonlyArray<History.Event> => {
  const lastStart = new Map<number, number>()
  const lastOf = new Map<number, number>()
  const suspect = new Map<number, number>()
  const unknown = new Set<number>()
  for (const [at, { id, thread, what }] of lines.entries()) {
    if (what === "start") lastStart.set(id, at)
    if (what === "lost") unknown.add(id)
    if (what === "mayEnd") suspect.set(thread, id)
    if (what === "ends") suspect.delete(thread)
    if (thread > 0) lastOf.set(thread, at)
  }
  return lines.flatMap((line, at): ReadonlyArray<History.Event> => {
    const { id, thread } = line
    const worker = String(thread)
    const culprit = suspect.get(thread)
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
