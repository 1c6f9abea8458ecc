/**
 * The result credits of one execution, which bound how far it pulls its source ahead
 * of its consumer.
 *
 * A task takes a credit when it is pulled. The credit returns when the consumer, done
 * with the array that holds the result, asks for the next array. So, for every task,
 * pulled − taken ≤ bufferSize + running slots + one array, however slow the consumer.
 *
 * Must stay true: `used` counts the tasks that are pulled and not returned, and a
 * task keeps its credit through retries and restarts.
 */
import type { Subscription } from "../scheduler/producer.ts"
import { ResultSizes } from "./resultSizes.ts"

const BUFFER_SIZE = 1024
const BUFFER_BYTES = 256 * 1024 * 1024

export class Credits {
  private readonly workers: Pick<Subscription, "slots" | "window">
  private readonly bufferSize: number | undefined
  private readonly bufferBytes: number
  private readonly sizes = new ResultSizes()
  /** Credits there are, as last counted: when used up, when returned, when results turn out larger or smaller. */
  private granted = 0
  private used = 0
  /** Results in the array that the consumer works on. */
  private inHand = 0
  /** The source waits for a credit. */
  starved = false

  constructor(
    workers: Pick<Subscription, "slots" | "window">,
    bufferSize: number | undefined,
    bufferBytes: number | undefined
  ) {
    this.workers = workers
    this.bufferSize = bufferSize
    this.bufferBytes = bufferBytes ?? BUFFER_BYTES
  }

  /** Whether a task may be pulled. If not, `returnTaken` tells when to ask again. */
  available(): boolean {
    if (this.used < this.granted || this.used < this.recount()) return true
    this.starved = true
    return false
  }

  /** A task was pulled. */
  acquire(): void {
    this.used++
  }

  /** A result waits for the consumer. Its size may change how many do so at most. */
  addResult(value: unknown): void {
    if (this.sizes.add(value)) this.recount()
  }

  /** The largest array for the consumer: half of the buffer, so that workers stay busy while it is consumed. */
  get arraySize(): number {
    return Math.max(1, Math.ceil(this.limit() / 2))
  }

  /** The consumer takes an array of so many results. */
  handOut(count: number): void {
    this.inHand = count
  }

  /** The consumer is done with its array. Whether the source waits for the credits that return with it. */
  returnTaken(): boolean {
    if (this.inHand === 0) return false
    this.used -= this.inHand
    this.inHand = 0
    this.recount()
    const starved = this.starved
    this.starved = false
    return starved
  }

  /** Completed results that may wait for the consumer. */
  private limit(): number {
    const size = this.bufferSize ?? Math.max(BUFFER_SIZE, 2 * this.workers.window())
    const mean = this.sizes.mean
    return mean === 0 ? size : Math.max(1, Math.min(size, Math.floor(this.bufferBytes / mean)))
  }

  private recount(): number {
    return this.granted = this.limit() + this.workers.slots()
  }
}
