/**
 * Checks the events of a generated program against the promises of dispatchers.
 *
 * All events come from the program (sources, handlers, consumers); the oracle must not depend on the scheduler. Each
 * event is checked when it arrives, and time passes only when `advanced` is called.
 */
import { ExpectedOutcomes, failedAt, failuresOf, GRACE, isTie } from "./outcomes.ts"
import type { TaskPlan } from "./program.ts"
import {
  type Attempt,
  type AttemptEnd,
  isOrdinary,
  isRunning,
  nameOf,
  type Outcome,
  type ProducerOptions,
  type ProducerState,
  type Promises,
  Slots,
  type TaskState,
  timeoutOf
} from "./state.ts"

/** Checks the events of one run. */
export class Oracle {
  /** The events of the run, one line each. */
  readonly history: Array<string> = []
  readonly violations: Array<string> = []
  readonly tasks: Array<TaskState> = []
  readonly producers = new Set<ProducerState>()
  now = 0
  closing = false
  closed = false
  /** Producers that ended before their running tasks. */
  private readonly unfinished: Array<ProducerState> = []
  private producerId = 0
  private readonly slots: Slots
  private readonly expected: ExpectedOutcomes
  private readonly assigned = new Map<string, Map<TaskState, number>>()
  readonly promises: Promises

  constructor(promises: Promises) {
    this.promises = promises
    this.slots = new Slots(promises)
    this.expected = new ExpectedOutcomes(promises)
  }

  note(line: string): void {
    this.history.push(`${this.now} ${line}`)
  }

  violate(rule: string, detail: string): void {
    this.violations.push(`${rule}: ${detail} (at ${this.now} ms)`)
    this.note(`VIOLATION ${rule}: ${detail}`)
  }

  // --- producers -------------------------------------------------------------

  open(
    kind: ProducerState["kind"],
    parent: Attempt | undefined,
    options: ProducerOptions
  ): ProducerState {
    const producer: ProducerState = {
      id: this.producerId++,
      kind,
      parent,
      depth: parent === undefined ? 0 : parent.task.producer.depth + 1,
      take: options.take,
      taskTimeout: options.taskTimeout,
      retry: options.retry,
      ordered: options.ordered === true,
      verb: options.verb ?? "results",
      bufferSize: options.bufferSize,
      idleTimeout: options.idleTimeout,
      arraySize: options.arraySize,
      tasks: [],
      running: 0,
      taken: 0,
      delivered: 0,
      waiting: true,
      finishing: false,
      closed: false,
      drained: false,
      spoiled: false,
      stopping: false,
      over: undefined,
      idleFor: 0,
      expires: "no"
    }
    this.producers.add(producer)
    this.note(`${nameOf(producer)} opens`)
    return producer
  }

  /** Records that the producer made a task. */
  make(producer: ProducerState, plan: TaskPlan): TaskState {
    const task: TaskState = {
      key: this.tasks.length,
      plan,
      producer,
      index: producer.tasks.length,
      attempts: [],
      lost: new Set(),
      starts: 0,
      accepted: false,
      pushing: false,
      outcome: undefined
    }
    this.tasks.push(task)
    return task
  }

  /** Records that the dispatcher has the task, from a source, a push or a single run. */
  accept(task: TaskState): void {
    const { producer } = task
    task.accepted = true
    producer.tasks.push(task)
    this.note(`${nameOf(producer)} hands over ${task.plan.name} ${task.key}`)
    if (producer.kind !== "execution" || producer.bufferSize === undefined) return
    const bound = producer.bufferSize + this.promises.slots + (producer.arraySize ?? 0)
    const ahead = producer.tasks.length - producer.taken
    if (ahead > bound) {
      this.violate("credits", `${nameOf(producer)} pulled ${ahead} tasks that were not taken, of ${bound}`)
    }
  }

  end(producer: ProducerState, how: string): void {
    producer.over = how
    this.producers.delete(producer)
    this.note(`${nameOf(producer)} ends: ${how}`)
    if (producer.running > 0) this.unfinished.push(producer)
    // A single run has its outcome when its task is given up, and that task may still be stopping.
    const gaveUp = producer.kind === "run" && producer.tasks[0]?.outcome === "TimedOut"
    if (producer.running > 0 && !gaveUp) {
      const runs = producer.tasks.filter((task) => isRunning(task.attempts.at(-1))).map(({ key }) => key)
      this.violate("unfinished", `${nameOf(producer)} ended while tasks ${runs.join(", ")} were running`)
    }
    if (how === "DispatcherClosed" && !this.closing) this.violate("ending", `${nameOf(producer)} ended early: ${how}`)
    if (producer.kind !== "execution") return
    const pending = producer.tasks.filter((task) => task.outcome === undefined)
    const complete = how === "done" || how === "source failed" || how === "died: of the source"
    if (complete && pending.length > 0) {
      this.violate("lost", `${nameOf(producer)} ended without outcomes of tasks ${pending.map(({ key }) => key)}`)
    }
    // The program cannot observe when the dispatcher rejects a task that no group contains.
    // The same holds for the outcome of a task that times out and does not stop.
    const unseen = producer.tasks.some(({ plan }) => plan.name === "Absent" || plan.cleanupMillis >= GRACE)
    if (this.promises.loses || unseen) return
    if (how === "DispatchTimeout" ? producer.expires === "no" : producer.expires === "must" && complete) {
      this.violate("idleTimeout", `${nameOf(producer)} ended by ${how} after ${producer.idleFor} idle ms`)
    }
  }

  /** Records that the push of a task failed, so that the queue never had the task. */
  refuse(task: TaskState): void {
    const { producer } = task
    this.note(`${nameOf(producer)} refuses task ${task.key}`)
    if (task.attempts.length > 0) this.violate("invented", `task ${task.key} started though its push failed`)
    task.accepted = false
    producer.tasks.splice(producer.tasks.indexOf(task), 1)
  }

  /** Records that `close` of a queue has completed. */
  closedQueue(producer: ProducerState): void {
    producer.closed = true
    this.note(`${nameOf(producer)} is closed`)
    if (producer.running > 0) this.violate("unfinished", `${nameOf(producer)} is closed while tasks were running`)
  }

  /** Records that all pushing and popping fibers have ended, with `ready` results left in the queue. */
  emptied(producer: ProducerState, ready: number, interrupted: boolean): void {
    if (producer.stopping || this.closing) return
    const pending = producer.tasks.filter((task) => task.outcome === undefined)
    // A fiber that is interrupted between a result and its next step has taken that result.
    if (producer.drained && pending.length > ready && !interrupted) {
      this.violate("lost", `${nameOf(producer)} is drained without outcomes of tasks ${pending.map(({ key }) => key)}`)
    }
    const unfinished = pending.filter((task) => task.attempts.length > 0 && isRunning(task.attempts.at(-1)))
    if (ready > pending.length - unfinished.length) {
      this.violate("doubled", `${ready} results are left in ${nameOf(producer)} of ${pending.length} tasks`)
    }
  }

  /** Records that the dispatcher's scope has closed. */
  closeAll(): void {
    this.closed = true
    this.note("the dispatcher is closed")
    for (const producer of [...this.producers, ...this.unfinished]) {
      if (producer.running > 0) {
        this.violate("unfinished", `tasks of ${nameOf(producer)} run after the dispatcher was closed`)
      }
    }
  }

  /** Tasks that run after the program: their producer has ended before them, or is nested in such a task. */
  get stillRunning(): number {
    return [...this.producers, ...this.unfinished].reduce((sum, { running }) => sum + running, 0)
  }

  // --- attempts --------------------------------------------------------------

  start(task: TaskState, number: number): Attempt {
    const { key, plan, producer } = task
    const last = task.attempts.at(-1)
    const attempt: Attempt = {
      task,
      number,
      since: this.now,
      ended: undefined,
      until: 0,
      finished: false,
      lost: task.lost.has(number),
      lent: false
    }
    this.note(`task ${key} starts, attempt ${number}`)
    task.attempts.push(attempt)
    if (attempt.lost) return attempt
    if (producer.over !== undefined || producer.closed) {
      this.violate("late start", `task ${key} started after ${nameOf(producer)} ended`)
    }
    if (this.closed) this.violate("late start", `task ${key} started after the dispatcher was closed`)
    if (task.outcome !== undefined) this.violate("doubled", `task ${key} started after its outcome`)
    if (isRunning(last)) this.violate("overlap", `task ${key} started while attempt ${last!.number} was running`)
    const before = (last?.number ?? 0) + 1
    if (this.promises.loses ? number < before : number !== before) {
      this.violate("attempt", `task ${key} started as attempt ${number} instead of ${before}`)
    }
    if (plan.name === "Once" && task.lost.size > 0) {
      this.violate("twice", `task ${key} is not idempotent and started after its worker was lost`)
    }
    this.checkRetry(task)
    this.checkSlots(this.slots.start(attempt), task)
    return attempt
  }

  private checkRetry(task: TaskState): void {
    const failed = failuresOf(task, 1)
    const last = failed.at(-1)
    // A policy may also have been asked about lost workers.
    if (last === undefined || task.lost.size > 0 || isTie(last)) return
    const delay = this.expected.retryDelay(task, failed)
    if (delay === undefined) {
      this.violate("retry", `task ${task.key} started again, against its policy or though it must not`)
    } else if (this.now < failedAt(last) + delay) {
      this.violate(
        "retry",
        `task ${task.key} started again ${this.now - failedAt(last)} ms after it failed, not ${delay}`
      )
    }
  }

  stop(attempt: Attempt, ended: AttemptEnd): void {
    const { task } = attempt
    attempt.ended = ended
    attempt.until = this.now
    this.note(`task ${task.key} stops, attempt ${attempt.number}: ${ended}`)
    if (attempt.lost) return
    this.slots.leave(attempt)
    const timeout = timeoutOf(task)
    const longest = timeout === undefined || task.plan.children.length > 0
      ? Infinity
      : timeout + task.plan.cleanupMillis
    if (this.now - attempt.since > longest) {
      this.violate("taskTimeout", `task ${task.key} ran for ${this.now - attempt.since} ms of ${timeout}`)
    }
    const completes = ended !== "cut" || this.expected.reasonOf(attempt) === "TimedOut"
    // After an ordered failure, the end of a later task does not count as progress.
    const unwanted = task.producer.verb === "execute" && task.producer.ordered &&
      this.expected.hasFailed(task.producer, task.index)
    if (completes && !unwanted) task.producer.idleFor = 0
  }

  /** Records that a handler starts or stops waiting for nested tasks. */
  lend(attempt: Attempt, lent: boolean): void {
    this.checkSlots(this.slots.lend(attempt, lent), attempt.task)
  }

  private checkSlots(tooMany: number | undefined, { key, plan }: TaskState): void {
    if (tooMany === undefined) return
    const { slots } = this.promises.slotsOf(plan.name)
    this.violate("concurrency", `${tooMany} tasks run of ${slots} with task ${key}`)
  }

  // --- workers ---------------------------------------------------------------

  assign(key: number, worker: string, attempt: number): void {
    const task = this.tasks[key]
    if (attempt !== ++task.starts) {
      this.violate("attempt", `task ${key} started for the ${task.starts}. time as attempt ${attempt}`)
    }
    const tasks = this.assigned.get(worker) ?? new Map<TaskState, number>()
    this.assigned.set(worker, tasks.set(task, attempt))
  }

  settle(key: number, worker: string): void {
    this.assigned.get(worker)?.delete(this.tasks[key])
  }

  lose(worker: string): void {
    this.note(`${worker} is lost`)
    for (const [task, number] of this.assigned.get(worker) ?? []) {
      task.lost.add(number)
      const attempt = task.attempts.find((attempt) => attempt.number === number)
      if (attempt === undefined || attempt.lost) continue
      attempt.lost = true
      if (attempt.ended !== undefined) continue
      this.slots.leave(attempt)
    }
    this.assigned.delete(worker)
  }

  // --- outcomes --------------------------------------------------------------

  /** Records that the program received the outcome of a task. */
  deliver(producer: ProducerState, key: number | undefined, outcome: Outcome): void {
    const task = key === undefined ? undefined : this.tasks[key]
    this.note(`${nameOf(producer)} is told of task ${key}: ${outcome.tag}`)
    producer.delivered++
    if (task === undefined) return this.violate("invented", `an outcome of no task: ${String(outcome.value)}`)
    if (task.producer !== producer) this.violate("mixed", `task ${key} came out of ${nameOf(producer)}`)
    if (!task.accepted) this.violate("invented", `task ${key} was never handed over`)
    if (task.outcome !== undefined) this.violate("doubled", `task ${key} has two outcomes`)
    task.outcome = outcome.tag
    if (producer.kind === "execution" && producer.ordered && task.index !== producer.delivered - 1) {
      this.violate("order", `task ${key} with index ${task.index} came as number ${producer.delivered - 1}`)
    }
    for (const error of this.expected.check(task, outcome, this.now)) {
      this.violate("outcome", `task ${key} ended with ${outcome.tag}, ${error}`)
    }
  }

  /** Records that a retry policy was applied to a failure. */
  asked(reason: string): void {
    if (reason === "UnknownTask") this.violate("retry", "a policy was asked about a task that cannot start")
  }

  // --- time ------------------------------------------------------------------

  /** Checks the conditions that hold when nothing is ready, before time moves by `millis`. */
  advanced(millis: number): void {
    this.checkAtRest()
    for (const producer of this.producers) {
      const { idleTimeout } = producer
      if (idleTimeout === undefined || !producer.waiting || this.promises.loses) continue
      if (producer.expires !== "no" && producer.idleFor >= idleTimeout) producer.expires = "must"
      if (!this.countsAsIdle(producer)) continue
      producer.idleFor += millis
      if (producer.idleFor >= idleTimeout && producer.expires === "no") producer.expires = "may"
    }
    this.now += millis
  }

  /** Whether a task of the producer runs that it waits for, so that its idle timeout runs. */
  private countsAsIdle(producer: ProducerState): boolean {
    const awaited = producer.tasks.some((task) =>
      task.outcome === undefined && !this.expected.isSettled(task) && !this.expected.waitsForRetry(task, this.now)
    )
    return awaited && producer.running > 0
  }

  /** Tasks that were handed over one by one and have not started. */
  private *unstarted(): Iterable<TaskState> {
    for (const producer of this.producers) {
      if (producer.stopping || (producer.kind === "execution" && producer.arraySize !== undefined)) continue
      // A failed `execute` does not need the tasks after the failure.
      if (producer.kind === "execution" && producer.verb === "execute" && this.expected.hasFailed(producer)) continue
      for (const task of producer.tasks) {
        if (!task.pushing && task.attempts.length === 0 && task.outcome === undefined && task.plan.name !== "Absent") {
          yield task
        }
      }
    }
  }

  checkAtRest(): void {
    const { capacity } = this.promises
    if (this.closing || this.promises.loses) return
    if (capacity !== undefined) {
      const waiting = Array.from(this.unstarted()).length
      const bound = (capacity + this.producers.size) * (this.promises.routed ? 2 : 1)
      if (waiting > bound) {
        this.violate("capacity", `${waiting} tasks are accepted and have not started, of ${bound}`)
      }
    } else if (this.promises.eager && this.slots.lent === 0) {
      for (const { key, plan, producer } of this.unstarted()) {
        // An execution that fails, times out or has been taken from for the last time ends by itself.
        if (isOrdinary(producer) && this.slots.free(plan.name, producer.depth) > 0) {
          this.violate("idle slot", `task ${key} waits while a slot is free`)
        }
      }
    }
  }
}
