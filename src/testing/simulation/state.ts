/**
 * The state of a run as the oracle knows it: producers, their tasks, the attempts of each task, and the slots that
 * attempts hold. It must hold only facts that the program itself has observed.
 */
import type { RetryPlan, TaskPlan } from "./program.ts"
import { ownTimeout } from "./tasks.ts"

/** The promises of a dispatcher beyond those that all dispatchers make. */
export interface Promises {
  /** The most handlers that run at once, by the name of their task. */
  readonly slotsOf: (name: TaskPlan["name"]) => { readonly pool: string; readonly slots: number }
  /** All its slots. */
  readonly slots: number
  /** The tasks that each of its dispatchers accepts before they start, without the additional one of each producer. */
  readonly capacity: number | undefined
  /** Whether the dispatcher validates and copies payloads and results. */
  readonly codec: boolean
  /** Whether workers may be lost and may requeue tasks. */
  readonly loses: boolean
  /** Whether the dispatcher consists of several dispatchers, which close one after the other. */
  readonly routed: boolean
  /** Whether a task starts as soon as a slot is free. */
  readonly eager: boolean
}

/** How an attempt ended: `cut` is an interruption from outside. */
export type AttemptEnd = "success" | "fail" | "die" | "interrupt" | "misfit" | "cut"

/** One start of a task. */
export interface Attempt {
  readonly task: TaskState
  readonly number: number
  readonly since: number
  ended: AttemptEnd | undefined
  until: number
  /** Whether the handler reached the end of its plan. */
  finished: boolean
  /** Whether the worker was lost, so that the attempt no longer counts. */
  lost: boolean
  /** Whether the slot is lent, because the handler waits for nested tasks or unwinds from such a wait. */
  lent: boolean
}

/** A task that a producer made. */
export interface TaskState {
  readonly key: number
  readonly plan: TaskPlan
  readonly producer: ProducerState
  readonly index: number
  readonly attempts: Array<Attempt>
  /** Attempts whose worker was lost. */
  readonly lost: Set<number>
  /** The number of starts that workers reported, if workers report starts. */
  starts: number
  accepted: boolean
  /** Whether the push of the task is still waiting. */
  pushing: boolean
  outcome: string | undefined
}

/** An execution, a queue or a single run. */
export interface ProducerState {
  readonly id: number
  readonly kind: "execution" | "queue" | "run"
  /** The running task whose handler made it. */
  readonly parent: Attempt | undefined
  readonly depth: number
  /** The number of results after which the consumer stops. */
  readonly take: number | undefined
  readonly taskTimeout: number | undefined
  readonly retry: RetryPlan | undefined
  readonly ordered: boolean
  readonly verb: "execute" | "results"
  readonly bufferSize: number | undefined
  readonly idleTimeout: number | undefined
  /** Elements that its source holds ahead of its credits; `undefined` if tasks are pulled one by one. */
  readonly arraySize: number | undefined
  readonly tasks: Array<TaskState>
  running: number
  taken: number
  delivered: number
  /** The consumer waits. */
  waiting: boolean
  /** `end` or `close` was called. */
  finishing: boolean
  /** `close` has completed. */
  closed: boolean
  /** Whether the producer has reported that no more results will come. */
  drained: boolean
  /** Whether the source yielded a value that is not a task: the producer drops its retries and ends after its running tasks. */
  spoiled: boolean
  /** Whether the producer is being interrupted or closed. */
  stopping: boolean
  over: string | undefined
  idleFor: number
  expires: "no" | "may" | "must"
}

/** The options of a producer. */
export type ProducerOptions = Partial<
  Pick<
    ProducerState,
    "arraySize" | "bufferSize" | "idleTimeout" | "ordered" | "retry" | "take" | "taskTimeout" | "verb"
  >
>

/** The content of an outcome: `ok` or the tag of a reason, and the attempt of a failure. */
export interface Outcome {
  readonly tag: string
  readonly value?: unknown
  readonly attempt?: number
  readonly error?: { readonly key: number; readonly attempt: number } | undefined
}

/** The slots of a dispatcher, as seen from its handlers. */
export class Slots {
  /** Handlers that run, by pool, and those that have started and not ended, by pool and depth. */
  private readonly running = new Map<string, number>()
  private readonly started = new Map<string, number>()
  /** Handlers that wait for nested tasks or unwind from such a wait. The holder of their slots cannot be observed. */
  lent = 0
  private readonly promises: Promises

  constructor(promises: Promises) {
    this.promises = promises
  }

  /** Counts a start; returns the number of running handlers if it exceeds the slots. */
  start(attempt: Attempt): number | undefined {
    attempt.task.producer.running++
    this.countStarted(attempt, 1)
    return this.count(attempt, 1)
  }

  leave(attempt: Attempt): void {
    attempt.task.producer.running--
    this.countStarted(attempt, -1)
    if (attempt.lent) this.lent--
    else this.count(attempt, -1)
  }

  lend(attempt: Attempt, lent: boolean): number | undefined {
    if (attempt.lent === lent || attempt.lost) return undefined
    attempt.lent = lent
    this.lent += lent ? 1 : -1
    return this.count(attempt, lent ? -1 : 1)
  }

  /** Slots that a new task would get: handlers of one depth never hold more than there are, lent ones included. */
  free(name: TaskPlan["name"], depth: number): number {
    const { pool, slots } = this.promises.slotsOf(name)
    return slots - Math.max(this.running.get(pool) ?? 0, this.started.get(`${pool} ${depth}`) ?? 0)
  }

  private countStarted({ task: { plan, producer } }: Attempt, by: number): void {
    const key = `${this.promises.slotsOf(plan.name).pool} ${producer.depth}`
    this.started.set(key, (this.started.get(key) ?? 0) + by)
  }

  private count({ task: { plan } }: Attempt, by: number): number | undefined {
    const { pool, slots } = this.promises.slotsOf(plan.name)
    const running = (this.running.get(pool) ?? 0) + by
    this.running.set(pool, running)
    return by > 0 && running > slots ? running : undefined
  }
}

/** Whether a producer stops its tasks only when it is ended from outside. */
export const isOrdinary = ({ idleTimeout, kind, parent, retry, stopping, take, verb }: ProducerState): boolean => {
  if (retry?.kind === "defect") return false
  if (stopping || (kind === "execution" && (verb === "execute" || idleTimeout !== undefined || take !== undefined))) {
    return false
  }
  return parent === undefined || (timeoutOf(parent.task) === undefined && isOrdinary(parent.task.producer))
}

/** Whether an attempt is still running and counts. */
export const isRunning = (attempt: Attempt | undefined): boolean =>
  attempt !== undefined && attempt.ended === undefined && !attempt.lost

/** The name of a producer in histories. */
export const nameOf = ({ id, kind }: ProducerState): string => `${kind} ${id}`

/** The longest that one attempt may run. */
export const timeoutOf = ({ plan, producer }: TaskState): number | undefined =>
  producer.taskTimeout ?? ownTimeout(plan.name)
