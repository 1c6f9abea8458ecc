/**
 * Gives entries their outcome: decodes the report of a worker, builds the failure,
 * and hands the entry to its producer.
 *
 * Must stay true: `Producer.settled` is called at most once per start of an
 * entry, with `value` or `failure` set, and never for a cancelled entry.
 */
import * as TaskFailure from "../../TaskFailure.ts"
import * as Codec from "../encoding/codec.ts"
import type { Capacity } from "./capacity.ts"
import type * as Contract from "./contract.ts"
import { reasonOf, workerLost } from "./failureReason.ts"
import type { Observers } from "./observer.ts"
import type { TaskBlock, TaskEntry } from "./producer.ts"
import { isWanted, subscriptionOf } from "./subscription.ts"
import { type TaskTypes, typeOf } from "./taskTypes.ts"
import type { Chunk } from "./workerState.ts"

/** An entry that fails before it reaches a worker. */
interface Rejection {
  readonly entry: TaskEntry
  readonly worker: string
  readonly reason: TaskFailure.Reason<unknown>
}

export class Outcomes {
  private readonly capacity: Capacity
  private readonly types: TaskTypes
  private readonly observers: Observers
  private readonly later: (f: () => void) => void
  private rejected: Array<Rejection> = []
  private failedCount = 0

  constructor(capacity: Capacity, types: TaskTypes, observers: Observers, later: (f: () => void) => void) {
    this.capacity = capacity
    this.types = types
    this.observers = observers
    this.later = later
  }

  /** Successes since the dispatcher started. */
  get succeeded(): number {
    return this.types.succeeded
  }

  /** Failures since the dispatcher started. */
  get failed(): number {
    return this.failedCount
  }

  succeed(entry: TaskEntry, chunk: Chunk, value: unknown): void {
    const { codec, counts } = typeOf(entry)
    if (codec === undefined) {
      entry.value = value
    } else {
      const decoded = codec.success.decode(value)
      if (decoded instanceof Codec.CodecError) return this.failUndecodable(entry, chunk, decoded)
      entry.value = decoded
    }
    counts.succeeded++
    this.types.release(entry)
    subscriptionOf(entry).producer.settled(entry)
  }

  /** Tasks of a block have succeeded. */
  succeedBlock({ done, type }: Chunk, block: TaskBlock, count: number, results: Uint8Array): void {
    type.counts.succeeded += count
    block.succeeded(done - count, done, results, type.micros)
  }

  private failUndecodable(entry: TaskEntry, chunk: Chunk, { message }: Codec.CodecError): void {
    const reason = new TaskFailure.Undecodable({ part: "success", message })
    this.fail(entry, chunk.worker.handle.name, reason, "", chunk)
  }

  /** Fails an entry with the failure that a worker reported. */
  failReported(entry: TaskEntry, chunk: Chunk, worker: string, failure: Contract.WireFailure): void {
    const reason = TaskFailure.withoutStack(() => reasonOf(failure, entry.name, typeOf(entry).codec))
    this.fail(entry, worker, reason, "trace" in failure ? failure.trace : "", chunk)
  }

  /** Fails an entry with the loss of its worker, if it is still wanted. */
  failLost(entry: TaskEntry, worker: string, exit: Contract.WorkerExit): void {
    if (isWanted(entry)) this.fail(entry, worker, workerLost(exit))
  }

  /** Fails an entry that no worker gets. The outcome follows later, so that a producer that is being asked is not disturbed. */
  reject(entry: TaskEntry, worker: string, reason: TaskFailure.Reason<unknown>): void {
    subscriptionOf(entry).places.release(entry)
    if (this.rejected.push({ entry, worker, reason }) > 1) return
    // In a turn of its own: entries that are rejected and retried at once must not block the event loop.
    this.later(this.failRejected)
  }

  private readonly failRejected = (): void => {
    const rejected = this.rejected
    this.rejected = []
    for (const { entry, reason, worker } of rejected) if (isWanted(entry)) this.fail(entry, worker, reason)
    this.capacity.notify()
  }

  private fail(
    entry: TaskEntry,
    worker: string,
    reason: TaskFailure.Reason<unknown>,
    trace: Contract.Trace = "",
    chunk?: Chunk
  ): void {
    this.failedCount++
    const type = this.types.assign(entry)
    type.counts.fail(reason._tag)
    entry.failure = TaskFailure.make({ task: entry.task, attempt: Math.max(1, entry.attempt), worker, trace, reason })
    if (this.observers.active) this.observers.failed(entry, entry.failure, chunk)
    // A retry runs with the payload as it was handed over, which the task may no longer hold.
    if (type.codec?.payload.snapshot === undefined) entry.payload = undefined
    subscriptionOf(entry).producer.settled(entry)
  }
}
