/**
 * The producers that are subscribed to a scheduler, and the figures that are sums over them.
 *
 * Must stay true: a producer is here from its subscription until its subscription ends, and no longer.
 */
import type { FreeReason, TaskEntry } from "./producer.ts"
import type { ProducerSubscription } from "./subscription.ts"

/** Of several producers, the one that could use free slots first says why they are free. */
const FREE_REASONS: ReadonlyArray<FreeReason> = ["input", "consumer", "order", "retry"]

export class OpenProducers implements Iterable<ProducerSubscription> {
  private readonly subscriptions = new Set<ProducerSubscription>()

  add(subscription: ProducerSubscription): void {
    this.subscriptions.add(subscription)
  }

  remove(subscription: ProducerSubscription): void {
    this.subscriptions.delete(subscription)
  }

  [Symbol.iterator](): Iterator<ProducerSubscription> {
    return this.subscriptions[Symbol.iterator]()
  }

  /** Tasks that have not started. */
  get waiting(): number {
    return this.sum((subscription) => subscription.producer.unsettled - subscription.runningUnsettled())
  }

  /** Executions, queues and single tasks. */
  get executions(): number {
    return this.sum(({ producer }) => producer.callers)
  }

  /** Results that consumers have not taken. */
  get resultsReady(): number {
    return this.sum(({ producer }) => producer.resultsReady ?? 0)
  }

  /** Tasks that wait for their next attempt. */
  get retrying(): number {
    return this.sum(({ producer }) => producer.retrying ?? 0)
  }

  eachRetrying(f: (entry: TaskEntry) => void): void {
    for (const { producer } of this.subscriptions) producer.eachRetrying?.(f)
  }

  /** Why slots are free while no task can be taken. */
  get freeReason(): FreeReason {
    const reasons = new Set<FreeReason>()
    for (const { producer } of this.subscriptions) reasons.add(producer.waitsFor ?? "noTasks")
    return FREE_REASONS.find((reason) => reasons.has(reason)) ?? "noTasks"
  }

  /** The largest chunk size that a producer asks for. */
  get chunkSize(): number | undefined {
    let largest: number | undefined
    for (const { producer } of this.subscriptions) {
      if (producer.chunkSize !== undefined) largest = Math.max(largest ?? 0, producer.chunkSize)
    }
    return largest
  }

  private sum(f: (subscription: ProducerSubscription) => number): number {
    let sum = 0
    for (const subscription of this.subscriptions) sum += f(subscription)
    return sum
  }
}
