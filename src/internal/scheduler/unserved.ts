/**
 * Tasks that no worker which asked so far supports, by name. They wait for a worker
 * that does, for as long as the executor says (`unservedTimeout`), and then fail with
 * `UnknownTask`.
 *
 * Must stay true: an entry here has a place of the capacity. A name is listed as
 * long as it has entries, and has a timer only while no joined worker supports it.
 */
import * as TaskFailure from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import type { Timer, Timers } from "../timers.ts"
import { ChunkBudget } from "./chunkSizing.ts"
import type { Outcomes } from "./outcomes.ts"
import type { TaskEntry } from "./producer.ts"
import { isWanted, subscriptionOf } from "./subscription.ts"
import { type TaskTypes, typeOf } from "./taskTypes.ts"
import type { Workers } from "./workers.ts"
import type { WorkerState } from "./workerState.ts"

interface UnservedType {
  readonly entries: Deque<TaskEntry>
  lastChunk: number
  timer: Timer | undefined
}

export interface UnservedOptions {
  readonly workers: Workers
  readonly types: TaskTypes
  readonly outcomes: Outcomes
  readonly timers: Timers
  /** Milliseconds. */
  readonly unservedTimeout: number
  /** Chunks are filled up to this expected time, or without regard to it. */
  readonly chunkMicros: number | undefined
  /** A worker that supports a deferred entry is joined and may have asked before: wakes it, later. */
  readonly wakeSoon: () => void
}

export class UnservedTasks {
  private readonly types = new Map<string, UnservedType>()
  private readonly options: UnservedOptions

  constructor(options: UnservedOptions) {
    this.options = options
  }

  /** Names that have entries here. */
  get size(): number {
    return this.types.size
  }

  /** Keeps an entry for workers that support tasks of this name. */
  defer(entry: TaskEntry, name: string): void {
    subscriptionOf(entry).places.acquire(entry)
    let type = this.types.get(name)
    if (type === undefined) {
      type = { entries: new Deque(), lastChunk: 1, timer: undefined }
      this.types.set(name, type)
    }
    type.entries.push(entry)
    this.watch(name, type)
  }

  /** Adds entries that the worker supports to a chunk, up to `most` in total. */
  fill(worker: WorkerState, most: number, entries: Array<TaskEntry>): void {
    const { chunkMicros } = this.options
    for (const [name, type] of this.types) {
      if (worker.handle.unsupported?.(name) !== undefined) continue
      const budget = chunkMicros === undefined ? undefined : new ChunkBudget(type.lastChunk, chunkMicros)
      const start = entries.length
      while (entries.length < most) {
        const entry = type.entries.shift()
        if (entry === undefined) break
        if (!this.encode(entry, worker)) {
          subscriptionOf(entry).places.release(entry)
          continue
        }
        if (budget?.fits(typeOf(entry)) === false) {
          type.entries.unshift(entry)
          break
        }
        budget?.add(typeOf(entry))
        entries.push(entry)
      }
      if (entries.length > start) type.lastChunk = entries.length - start
      if (type.entries.length === 0) this.forget(name, type)
    }
  }

  /** A worker left: names that only it supported get their timer. */
  workerLeft(): void {
    for (const [name, type] of this.types) this.watch(name, type)
  }

  /** Takes all entries. */
  clear(): Array<TaskEntry> {
    const entries: Array<TaskEntry> = []
    for (const [name, type] of this.types) {
      this.forget(name, type)
      entries.push(...type.entries.clear())
    }
    return entries
  }

  /** Whether the entry is wanted and its payload could be encoded. */
  private encode(entry: TaskEntry, worker: WorkerState): boolean {
    if (!isWanted(entry)) return false
    const { outcomes, types } = this.options
    const error = types.encode(entry, typeOf(entry), worker.moves(entry))
    if (error !== undefined) outcomes.reject(entry, worker.handle.name, undecodable(error))
    return error === undefined
  }

  private watch(name: string, type: UnservedType): void {
    const { timers, unservedTimeout, wakeSoon, workers } = this.options
    for (const { handle } of workers) if (handle.unsupported?.(name) === undefined) return wakeSoon()
    type.timer ??= timers.set(unservedTimeout, () => this.expire(name))
  }

  private forget(name: string, { timer }: UnservedType): void {
    if (timer !== undefined) this.options.timers.clear(timer)
    this.types.delete(name)
  }

  private expire(name: string): void {
    const type = this.types.get(name)
    if (type === undefined) return
    type.timer = undefined
    const { outcomes, workers } = this.options
    const offers = new Set(Array.from(workers, ({ handle }) => handle.unsupported?.(name)))
    // A worker that supports it has joined and is busy, or there is no worker at all, which the executor reports.
    if (offers.has(undefined) || offers.size === 0) return
    this.types.delete(name)
    const offered = Array.from(offers).join("; ")
    for (const entry of type.entries.clear()) {
      outcomes.reject(entry, "none", new TaskFailure.UnknownTask({ name, offered }))
    }
  }
}

/** The reason of an entry whose payload could not be encoded. */
export const undecodable = ({ message }: { readonly message: string }): TaskFailure.Undecodable =>
  new TaskFailure.Undecodable({ part: "payload", message })
