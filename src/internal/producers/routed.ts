/** Joins one origin to several schedulers, each of which starts the tasks of its own group. */
import { Deque } from "../deque.ts"
import type { Producer, SchedulerHandle, Subscription, TaskEntry } from "../scheduler/producer.ts"
import type * as Task from "../task.ts"

/** A scheduler and the names of the tasks that go to it. */
export interface Route {
  readonly names: ReadonlySet<string>
  readonly hub: SchedulerHandle
}

export const routeSchedulers = (routes: ReadonlyArray<Route>): SchedulerHandle => ({
  subscribe(origin) {
    const fork = new Fork(origin, routes)
    return fork.join() ? fork : undefined
  }
})

/** What one scheduler sees of the origin: the tasks on its route. */
class Branch implements Producer {
  link: Subscription | undefined
  /** Tasks of this route that another branch met while it looked for its own. */
  readonly passed = new Deque<TaskEntry>()
  private readonly fork: Fork

  constructor(fork: Fork) {
    this.fork = fork
  }

  get pushed() {
    return this.fork.producer.pushed
  }

  get chunkSize() {
    return this.fork.producer.chunkSize
  }

  get span() {
    return this.fork.producer.span
  }

  get parent() {
    return this.fork.producer.parent
  }

  next(): TaskEntry | undefined {
    const passed = this.passed.shift()
    if (passed !== undefined) return passed
    // Only where the others have room for what is theirs: it cannot be put back.
    while (this.fork.hasRoomBut(this)) {
      const entry = this.fork.producer.next()
      if (entry === undefined) return undefined
      const branch = this.fork.branchOf(entry.task)
      if (branch === this) return entry
      branch.pass(entry)
    }
    return undefined
  }

  get hasRoom(): boolean {
    return this.link!.hasCapacity()
  }

  /** Takes a task of this route that another branch met. */
  private pass(entry: TaskEntry): void {
    // A task of a queue has its place already.
    entry.accepted ||= this.link!.accept(entry.task)
    this.passed.push(entry)
    this.link!.ready()
  }

  settled(entry: TaskEntry): void {
    this.fork.producer.settled(entry)
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
  private readonly routes: ReadonlyArray<Route>

  constructor(origin: Producer, routes: ReadonlyArray<Route>) {
    this.producer = origin
    this.routes = routes
    this.branches = routes.map(() => new Branch(this))
  }

  /** Whether every branch but one could be passed a task. */
  hasRoomBut(one: Branch): boolean {
    return this.producer.pushed || this.branches.every((branch) => branch === one || branch.hasRoom)
  }

  join(): boolean {
    for (let i = 0; i < this.branches.length; i++) {
      const link = this.routes[i].hub.subscribe(this.branches[i])
      if (link === undefined) {
        for (const branch of this.branches) branch.link?.end(() => {})
        return false
      }
      this.branches[i].link = link
    }
    return true
  }

  branchOf(task: Task.Any): Branch {
    const at = this.routes.findIndex((route) => route.names.has(task._tag))
    return this.branches[at === -1 ? 0 : at]
  }

  ready(): void {
    for (const branch of this.branches) branch.link!.ready()
  }

  hasCapacity(): boolean {
    return this.branches.every((branch) => branch.hasRoom)
  }

  accept(task: Task.Any): boolean {
    return this.branchOf(task).link!.accept(task)
  }

  cancelAfter(after: number): void {
    // What was passed and is not wanted any more is dropped when it is asked for.
    for (const branch of this.branches) branch.link!.cancelAfter(after)
  }

  end(stopped: () => void): void {
    let left = this.branches.length
    for (const branch of this.branches) {
      branch.passed.clear()
      branch.link!.end(() => {
        if (--left === 0) stopped()
      })
    }
  }

  slots(): number {
    return this.branches.reduce((sum, branch) => sum + branch.link!.slots(), 0)
  }

  window(): number {
    return this.branches.reduce((sum, branch) => sum + branch.link!.window(), 0)
  }

  get timers() {
    return this.branches[0].link!.timers
  }
}
