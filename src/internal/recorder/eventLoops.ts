/**
 * How busy the event loops of the main thread and of worker threads were: the share of the time in which they worked
 * and did not wait.
 *
 * Must stay true: a worker that has left keeps its part of the sum, and an event loop costs nothing until it is read.
 */
import type { WorkerHandle } from "../scheduler/contract.ts"

interface Times {
  readonly active: number
  readonly idle: number
}

/** Of the main thread. Browsers do not tell them. */
const ownTimes = (): Times => {
  const { eventLoopUtilization } = performance as { readonly eventLoopUtilization?: () => Times }
  return eventLoopUtilization === undefined ? { active: 0, idle: 0 } : eventLoopUtilization()
}

export class EventLoops {
  private before: Times = { active: 0, idle: 0 }
  private readonly threads = new Map<object, { readonly read: () => Times; readonly before: Times; latest: Times }>()
  /** Of threads that have left. */
  private active = 0
  private idle = 0

  begin(): void {
    this.before = ownTimes()
  }

  /** The share of so many milliseconds in which the main thread was busy, 0 to 1. They may be of the clock of a test. */
  mainThread(duration: number): number {
    const busy = ownTimes().active - this.before.active
    return shareOf(busy, duration - busy)
  }

  joined(worker: object, read: WorkerHandle["eventLoop"]): void {
    if (read === undefined) return
    const before = read()
    this.threads.set(worker, { read, before, latest: before })
  }

  left(worker: object): void {
    const thread = this.threads.get(worker)
    if (thread === undefined) return
    this.threads.delete(worker)
    const { active, idle } = timesOf(thread)
    this.active += active
    this.idle += idle
  }

  /** The share of the time in which worker threads were busy, 0 to 1; `undefined` if there are none. */
  get workerThreads(): number | undefined {
    let { active, idle } = this
    for (const thread of this.threads.values()) {
      const times = timesOf(thread)
      active += times.active
      idle += times.idle
    }
    return active + idle > 0 ? shareOf(active, idle) : undefined
  }
}

/** The times since the thread joined. One that has ended reports zeros: the latest reading counts then. */
const timesOf = (thread: { readonly read: () => Times; readonly before: Times; latest: Times }): Times => {
  const now = thread.read()
  if (now.active + now.idle >= thread.latest.active + thread.latest.idle) thread.latest = now
  return { active: thread.latest.active - thread.before.active, idle: thread.latest.idle - thread.before.idle }
}

const shareOf = (active: number, idle: number): number =>
  active + idle > 0 ? Math.min(1, Math.max(0, active / (active + idle))) : 0
