/**
 * The types of task that a scheduler has seen, each with its codec, the time of its
 * tasks and the size of their payloads.
 *
 * A type is made when its first task is taken. `TaskEntry.type` is set before an
 * entry enters a chunk.
 */
import * as Codec from "../encoding/codec.ts"
import { estimateSize } from "../encoding/estimateSize.ts"
import { PayloadMemory } from "../encoding/payloadMemory.ts"
import { type CopyBytes, copyShared } from "../encoding/snapshot.ts"
import * as Task from "../task.ts"
import type { TaskStats } from "./chunkSizing.ts"
import type { TaskEntry } from "./producer.ts"
import type { Statistics, TaskCounts } from "./statistics.ts"

export interface TaskType extends TaskStats {
  readonly name: string
  readonly counts: TaskCounts
  readonly codec: Codec.TaskCodec | undefined
  /** Payloads that were encoded, of which every 64th is measured. */
  encoded: number
}

/**
 * How payloads reach workers: `"encode"` them here, pass `"live"` values, or
 * `"relay"` the payload that came encoded from another scheduler.
 */
export type PayloadMode = "encode" | "live" | "relay"

const SAMPLE_EVERY = 64

export class TaskTypes {
  private readonly types = new Map<string, TaskType>()
  private last: TaskType | undefined = undefined
  /** The type of all tasks that the dispatcher does not know, whose names callers choose. */
  private unknown: TaskType | undefined = undefined
  private readonly classes: ReadonlyMap<string, Task.AnyClass>
  private readonly mode: PayloadMode
  private readonly memory = new PayloadMemory()
  private readonly reuses: boolean
  private readonly statistics: Statistics

  /** @param reuses the memory of a payload whose task has succeeded is free: no worker holds a part of it */
  constructor(classes: ReadonlyMap<string, Task.AnyClass>, mode: PayloadMode, reuses: boolean, statistics: Statistics) {
    this.classes = classes
    this.mode = mode
    this.reuses = reuses
    this.statistics = statistics
  }

  /** Successes of all types. */
  get succeeded(): number {
    let succeeded = 0
    for (const { counts } of this.types.values()) succeeded += counts.succeeded
    return succeeded
  }

  has(name: string): boolean {
    return this.classes.has(name)
  }

  /** The type of a name, or `undefined` if the dispatcher does not know it. */
  get(name: string): TaskType | undefined {
    // Tasks of one name come in a row, and comparing two names costs less than a look-up.
    if (this.last !== undefined && this.last.name === name) return this.last
    return this.last = this.types.get(name) ?? this.make(name)
  }

  /** Sets the type of an entry that fails, and may not have been in a chunk. */
  assign(entry: TaskEntry): TaskType {
    const type = this.get(entry.name) ?? (this.unknown ??= this.newType("unknown", undefined))
    entry.type = type
    return type
  }

  private make(name: string): TaskType | undefined {
    const task = this.classes.get(name)
    if (task === undefined) return undefined
    const type = this.newType(name, this.mode === "encode" ? Codec.make(task) : undefined)
    this.types.set(name, type)
    return type
  }

  private newType(name: string, codec: Codec.TaskCodec | undefined): TaskType {
    return { name, counts: this.statistics.countsOf(name), codec, micros: 0, bytes: 0, encoded: 0 }
  }

  /** Encodes the payload of a task that waits for a worker, if its caller could change it meanwhile. */
  accept(entry: TaskEntry): void {
    if (this.mode !== "encode" || Task.movesPayload(entry.transfer)) return
    const type = this.get(entry.name)
    // A worker that takes the task finds the same error, and rejects it.
    if (type?.codec?.payload.snapshot !== undefined) this.encode(entry, type, false)
  }

  /**
   * Sets the payload as workers get it, once per entry; an error if the task cannot be encoded. The caller may change
   * the task afterwards, but for buffers that are moved. `moves`: the worker moves the buffers of the payload.
   */
  encode(entry: TaskEntry, type: TaskType, moves: boolean): Codec.CodecError | undefined {
    if (this.mode === "relay") {
      sample(type, entry.payload)
    } else if (type.codec === undefined) {
      entry.payload = entry.task
    } else if (entry.payload === undefined) {
      const encoded = snapshotPayload(type.codec.payload, entry.task, moves ? copyShared : this.memory.copy)
      if (encoded instanceof Codec.CodecError) return encoded
      entry.payload = encoded
      sample(type, encoded)
    }
    return undefined
  }

  /** Drops the payload of an entry that has succeeded, and takes back the memory of its snapshot. */
  release(entry: TaskEntry): void {
    const { payload } = entry
    entry.payload = undefined
    if (!this.reuses || Task.movesPayload(entry.transfer)) return
    const codec = typeOf(entry).codec?.payload
    if (codec?.withBytes !== undefined && codec.snapshot !== undefined) codec.withBytes(payload, this.memory.free)
  }
}

const snapshotPayload = ({ encode, snapshot }: Codec.WholeCodec, task: Task.Any, copy: CopyBytes): unknown => {
  const encoded = encode(task)
  if (snapshot === undefined || encoded instanceof Codec.CodecError) return encoded
  try {
    return snapshot(encoded, copy)
  } catch (error) {
    return Codec.toCodecError(error)
  }
}

const sample = (type: TaskType, payload: unknown): void => {
  if (type.encoded++ % SAMPLE_EVERY !== 0) return
  type.bytes += (estimateSize(payload) - type.bytes) / (type.encoded === 1 ? 1 : 8)
}

/** The type of an entry that has been in a chunk, or has failed. */
export const typeOf = (entry: TaskEntry): TaskType => entry.type as TaskType
