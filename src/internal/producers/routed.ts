/**
 * Subscribes one producer to several schedulers, each of which starts the tasks that
 * it is the first to serve.
 *
 * Must stay true: every scheduler sees a branch of its own; a task that a branch
 * pulls for another one is forwarded, and pulled only while that one can accept it,
 * since a task cannot be put back into the producer.
 */
import { Deque } from "../deque.ts"
import type { Producer, SchedulerHandle, Subscription, TaskEntry } from "../scheduler/producer.ts"
import type * as Task from "../task.ts"

/** There must be at least one scheduler. */
export const routeSchedulers = (schedulers: ReadonlyArray<SchedulerHandle>): SchedulerHandle => ({
  serves: (name) => schedulers.some((scheduler) => scheduler.serves(name)),
  subscribe(producer) {
    const fork = new Fork(producer, schedulers)
    return fork.subscribe() ? fork : undefined
  }
})

/** The producer as one scheduler sees it: the tasks of its route. */
class Branch implements Producer {
  subscription: Subscription | undefined
  /** Tasks of this route that another branch pulled. */
  readonly forwarded = new Deque<TaskEntry>()
  private readonly fork: Fork

  constructor(fork: Fork) {
    this.fork = fork
  }

  get callers() {
    return this.fork.isFirst(this) ? this.fork.producer.callers : 0
  }

  /** Which branch a task is of shows when it is pulled: those that do not run count for the first one. */
  get unsettled() {
    const running = this.subscription!.runningUnsettled()
    return this.fork.isFirst(this)
      ? this.fork.producer.unsettled - this.fork.runningUnsettled() + running
      : running
  }

  get pushed() {
    return this.fork.producer.pushed
  }

  get chunkSize() {
    return this.fork.producer.chunkSize
  }

  get parent() {
    return this.fork.producer.parent
  }

  next(): TaskEntry | undefined {
    const forwarded = this.forwarded.shift()
    if (forwarded !== undefined) return forwarded
    while (this.fork.othersHaveCapacity(this)) {
      const entry = this.fork.producer.next()
      if (entry === undefined) return undefined
      const branch = this.fork.branchOf(entry.task)
      if (branch === this) return entry
      branch.forward(entry)
    }
    return undefined
  }

  /** Takes a task of this route that another branch pulled. */
  private forward(entry: TaskEntry): void {
    // A task of a queue got its place when it was pushed.
    if (!entry.holdsPlace) this.subscription!.accept(entry)
    this.forwarded.push(entry)
    this.subscription!.ready()
  }

  settled(entry: TaskEntry): void {
    this.fork.producer.settled(entry)
  }

  dropped(entry: TaskEntry): void {
    this.fork.producer.dropped?.(entry)
  }

  get waitsFor() {
    return this.fork.producer.waitsFor
  }

  get retrying() {
    return this.fork.isFirst(this) ? this.fork.producer.retrying : 0
  }

  eachRetrying(f: (entry: TaskEntry) => void): void {
    if (this.fork.isFirst(this)) this.fork.producer.eachRetrying?.(f)
  }

  get resultsReady() {
    return this.fork.isFirst(this) ? this.fork.producer.resultsReady : 0
  }

  get onRunning() {
    return this.fork.producer.onRunning
  }

  onCapacity(): void {
    this.fork.ready()
    this.fork.producer.onCapacity()
  }

  closed(): void {
    this.fork.producer.closed()
  }
}

class Fork implements Subscription {
  readonly producer: Producer
  readonly depth = 0
  private readonly branches: ReadonlyArray<Branch>
  private readonly schedulers: ReadonlyArray<SchedulerHandle>

  constructor(producer: Producer, schedulers: ReadonlyArray<SchedulerHandle>) {
    this.producer = producer
    this.schedulers = schedulers
    this.branches = schedulers.map(() => new Branch(this))
  }

  /** Whether a task can be forwarded to every branch but this one. */
  othersHaveCapacity(one: Branch): boolean {
    return this.producer.pushed ||
      this.branches.every((branch) => branch === one || branch.subscription!.hasCapacity())
  }

  /** `false` if one of the dispatchers is closed. */
  subscribe(): boolean {
    for (let i = 0; i < this.branches.length; i++) {
      const subscription = this.schedulers[i].subscribe(this.branches[i])
      if (subscription === undefined) {
        for (const branch of this.branches) branch.subscription?.end(() => {})
        return false
      }
      this.branches[i].subscription = subscription
    }
    return true
  }

  branchOf(task: Task.Any): Branch {
    const at = this.schedulers.findIndex((scheduler) => scheduler.serves(task._tag))
    return this.branches[at === -1 ? 0 : at]
  }

  ready(given?: TaskEntry): void {
    for (const branch of this.branches) branch.subscription!.ready(given)
  }

  hasCapacity(): boolean {
    return this.branches.every((branch) => branch.subscription!.hasCapacity())
  }

  accept(entry: TaskEntry): boolean {
    return this.branchOf(entry.task).subscription!.accept(entry)
  }

  time(entry: TaskEntry): void {
    this.branchOf(entry.task).subscription!.time(entry)
  }

  isFirst(branch: Branch): boolean {
    return branch === this.branches[0]
  }

  cancel(entries: ReadonlyArray<TaskEntry>): ReadonlyArray<TaskEntry> {
    return this.branches.flatMap((branch) =>
      branch.subscription!.cancel(entries.filter((entry) => this.branchOf(entry.task) === branch))
    )
  }

  cancelAfter(after: number): void {
    // Forwarded entries that are not wanted any more are dropped when their scheduler asks for them.
    for (const branch of this.branches) branch.subscription!.cancelAfter(after)
  }

  end(stopped: () => void): void {
    let left = this.branches.length
    for (const branch of this.branches) {
      branch.forwarded.clear()
      branch.subscription!.end(() => {
        if (--left === 0) stopped()
      })
    }
  }

  running(): number {
    return this.branches.reduce((sum, branch) => sum + branch.subscription!.running(), 0)
  }

  runningUnsettled(): number {
    return this.branches.reduce((sum, branch) => sum + branch.subscription!.runningUnsettled(), 0)
  }

  slots(): number {
    return this.branches.reduce((sum, branch) => sum + branch.subscription!.slots(), 0)
  }

  window(): number {
    return this.branches.reduce((sum, branch) => sum + branch.subscription!.window(), 0)
  }

  get timers() {
    return this.branches[0].subscription!.timers
  }
}
