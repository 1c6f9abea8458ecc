/**
 * Checks the history of tasks against the promises of delivery: no task is lost, no outcome is invented or doubled,
 * a loss is attributed to the right task, and no task starts again that must not.
 *
 * The check must depend on the events alone, so that every executor can be checked.
 */

/**
 * An event of a history. Events are in the order in which they happened.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Accepted"; readonly id: number; readonly idempotent: boolean }
  /** A worker started the task; `attempt` is the number that the handler received. */
  | { readonly _tag: "Started"; readonly id: number; readonly worker: string; readonly attempt: number }
  /** The worker reported the end of the task, which no longer runs there. */
  | { readonly _tag: "Settled"; readonly id: number; readonly worker: string }
  /** The worker was lost; `culprit` is the task that is known to have caused the loss. */
  | { readonly _tag: "Lost"; readonly worker: string; readonly culprit?: number | undefined }
  /** The caller received the outcome. */
  | { readonly _tag: "Outcome"; readonly id: number; readonly outcome: "success" | "failure" | "lost" }

/**
 * A promise of delivery that a history breaks.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly rule: "lost" | "invented" | "doubled" | "blame" | "attempt" | "restart" | "twice"
  readonly id: number
  readonly message: string
}

interface Known {
  readonly idempotent: boolean
  starts: number
  outcomes: number
  /** Whether the task may start: it has never started, or its worker was lost. */
  mayStart: boolean
  /** The worker that runs the task. */
  worker: string | undefined
  /** Losses that are attributed to the task: it was reported as the cause, or it ran alone. */
  proofs: number
  /** Whether the last worker of the task was lost. */
  orphaned: boolean
}

/**
 * Finds all violations of a complete history, in which no task was retried by a policy and no task was interrupted.
 * The result is empty for a correct history.
 *
 * @stability unstable
 * @category checks
 * @since 0.1.0
 */
export const check = (
  events: Iterable<Event>,
  options?: { readonly maxWorkerLosses?: number | undefined }
): ReadonlyArray<Violation> => {
  const maxWorkerLosses = options?.maxWorkerLosses ?? 3
  const tasks = new Map<number, Known>()
  const violations: Array<Violation> = []
  const violate = (rule: Violation["rule"], id: number, message: string) =>
    violations.push({ rule, id, message: `task ${id} ${message}` })

  const started = (task: Known, { attempt, id, worker }: Extract<Event, { readonly _tag: "Started" }>) => {
    task.starts++
    if (attempt !== task.starts) violate("attempt", id, `started for the ${task.starts}. time as attempt ${attempt}`)
    if (!task.idempotent && task.starts > 1) violate("twice", id, "started again, though it is not idempotent")
    if (task.idempotent && task.proofs >= maxWorkerLosses) {
      violate("blame", id, `started again after ${task.proofs} proven losses of ${maxWorkerLosses}`)
    }
    if (task.outcomes > 0) violate("restart", id, "started again after its outcome")
    else if (!task.mayStart) violate("restart", id, "started again, though its worker was not lost")
    task.mayStart = false
    task.worker = worker
    task.orphaned = false
  }

  const lost = ({ culprit, worker }: Extract<Event, { readonly _tag: "Lost" }>) => {
    const ran = Array.from(tasks.entries()).filter(([, task]) => task.worker === worker)
    for (const [id, task] of ran) {
      if (id === culprit || (culprit === undefined && ran.length === 1)) task.proofs++
      task.worker = undefined
      task.mayStart = true
      task.orphaned = true
    }
  }

  const ended = (task: Known, { id, outcome }: Extract<Event, { readonly _tag: "Outcome" }>) => {
    task.outcomes++
    if (task.outcomes > 1) violate("doubled", id, `has ${task.outcomes} outcomes`)
    if (outcome === "success" && task.starts === 0) violate("invented", id, "succeeded and never started")
    if (outcome !== "lost") return
    if (!task.orphaned) violate("blame", id, "is said to have lost a worker that it has not lost")
    else if (task.idempotent && task.proofs < maxWorkerLosses) {
      violate("blame", id, `is blamed after ${task.proofs} proven losses of ${maxWorkerLosses}`)
    }
  }

  for (const event of events) {
    if (event._tag === "Lost") {
      lost(event)
      continue
    }
    if (event._tag === "Accepted") {
      tasks.set(event.id, {
        idempotent: event.idempotent,
        starts: 0,
        outcomes: 0,
        mayStart: true,
        worker: undefined,
        proofs: 0,
        orphaned: false
      })
      continue
    }
    const task = tasks.get(event.id)
    if (task === undefined) violate("invented", event.id, `was never accepted, but ${event._tag.toLowerCase()}`)
    else if (event._tag === "Started") started(task, event)
    else if (event._tag === "Outcome") ended(task, event)
    else if (task.worker === event.worker) task.worker = undefined
  }
  for (const [id, task] of tasks) if (task.outcomes === 0) violate("lost", id, "has no outcome")
  return violations
}
