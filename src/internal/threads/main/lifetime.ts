/**
 * Tells when a thread that runs a bounded number of tasks is about to have run them all, so that its successor can be
 * started in time: the tasks that are left take no longer than this thread took to start.
 */
export class Lifetime {
  private readonly maxTasks: number
  private readonly started: number
  private readyAt = 0

  /** @param started the time at which the thread was started */
  constructor(maxTasks: number, started: number) {
    this.maxTasks = maxTasks
    this.started = started
  }

  ready(now: number): void {
    this.readyAt = now
  }

  /** Whether it ends soon, having run so many tasks. */
  endsSoon(tasks: number, now: number): boolean {
    if (this.maxTasks === Infinity) return false
    const perTask = (now - this.readyAt) / tasks
    return (this.maxTasks - tasks) * perTask <= this.readyAt - this.started
  }
}
