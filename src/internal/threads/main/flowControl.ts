/**
 * Flow control: how much work is in flight to one thread. Too little, and a slot of the thread is empty or waits for
 * each next request; too much, and other threads idle while this one holds the work, and payloads fill the memory. As
 * many items as the thread has slots, and one more, are always allowed, and so are two chunks. The reasons for the
 * bounds are in docs/internals/threads-protocol.md.
 */
import type * as Executor from "../../../Executor.ts"
import type { Request } from "./request.ts"
import type { Requests } from "./requests.ts"

/**
 * Small chunks in flight at once. They are refilled when half of them are done, so that many travel together: with
 * few at a time both sides spend most of their time waking each other. Trivial tasks in chunks of one took 25 % less
 * CPU time than with 64.
 */
const MAX_CHUNKS = 512

/** So few chunks in flight are refilled one by one. */
const FEW_CHUNKS = 2

/** Unfinished work in one thread, in microseconds, above which two chunks are enough, and idle threads may steal. */
const MAX_MICROS = 2000

/**
 * The same for payloads of `FEW_BYTES` or less. With 2 ms, the main thread took two and a half times as long for tasks of
 * 100 microseconds, and twice as long for tasks of 1 ms. For tasks of 20 microseconds with 150 structs each, 8 ms took a
 * quarter more CPU time than 2 ms: the threads wait while the main thread makes a message of more than a megabyte.
 */
const MAX_MICROS_OF_FEW_BYTES = 8000
const FEW_BYTES = 256 * 1024

/**
 * Payloads in flight to all threads, in bytes, above which two chunks per thread are enough. More gains nothing, and
 * memory that swings by tens of megabytes makes V8 collect everything over and over: byte payloads took three times
 * as long.
 */
const MAX_BYTES = 32 * 1024 * 1024

/** The work in flight to one thread, while chunks are added to it. */
export class InFlightWork {
  /** Chunks without an outcome. */
  private chunks = 0
  /** Items without an outcome. */
  private items = 0
  /** Time that they are expected to take, in microseconds. */
  private micros = 0
  /** Bytes of their payloads. */
  private bytes = 0
  private readonly maxChunks: number
  private readonly maxBytes: number
  private readonly concurrency: number

  /**
   * @param threads the most threads of the pool, which share the bound on bytes
   * @param concurrency the items that the thread runs at once
   */
  constructor(requests: ReadonlyArray<Request>, threads: number, concurrency: number) {
    this.concurrency = concurrency
    for (const { open, openSegments, segments } of requests) {
      this.items += open
      this.chunks += openSegments
      if (openSegments === 0) continue
      for (const { chunk, open } of segments) this.count(chunk, open)
    }
    this.maxBytes = MAX_BYTES / threads
    // Not refilled before half of it is done. Few chunks are, which a thread would run before the next ones arrive.
    const isHalfFull = this.chunks > MAX_CHUNKS / 2 || this.bytes > this.maxBytes / 2 ||
      (this.chunks > FEW_CHUNKS && this.micros > this.maxMicros / 2)
    this.maxChunks = isHalfFull ? 2 : MAX_CHUNKS
  }

  /** Whether another chunk may be sent. */
  get hasCapacity(): boolean {
    return this.items <= this.concurrency || this.chunks < 2 ||
      (this.chunks < this.maxChunks && this.micros < this.maxMicros && this.bytes < this.maxBytes)
  }

  private get maxMicros(): number {
    return this.bytes > FEW_BYTES ? MAX_MICROS : MAX_MICROS_OF_FEW_BYTES
  }

  add(chunk: Executor.Chunk): void {
    this.chunks++
    this.items += chunk.size
    this.count(chunk, chunk.size)
  }

  private count({ bytes, expectedMicros }: Executor.Chunk, open: number): void {
    // Until its time is known, a chunk counts as enough work: two of them are sent.
    this.micros += expectedMicros === 0 ? MAX_MICROS_OF_FEW_BYTES : expectedMicros * open
    this.bytes += bytes * open
  }
}

/** Whether idle threads may steal the items that wait unclaimed in a thread: those would wait there for long. */
export const canBeStolen = (requests: Requests): boolean => {
  let waiting = 0
  let micros = 0
  for (const request of requests.all) {
    const claimed = requests.claimed(request)
    waiting += Math.max(0, request.limit - claimed)
    for (let at = request.first; at < request.limit; at++) {
      if (request.isOpen(at)) micros += request.segmentOf(at).chunk.expectedMicros
    }
  }
  return waiting > 0 && micros > MAX_MICROS
}
