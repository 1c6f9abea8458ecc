/**
 * Chunks of tasks whose payloads are bytes already, for workers that take them as they are: the scheduler of a worker
 * process passes them on to a thread without a value for each task.
 *
 * Must stay true: no such chunk is taken while a task is quarantined, or while an observer has to be told of each task.
 * Results that do not continue the chunk in order are decoded and settled one by one.
 */
import type { Assignments } from "./assignments.ts"
import { recordRunOf } from "./busyTime.ts"
import type { ChunkFiller } from "./chunkFill.ts"
import type * as Contract from "./contract.ts"
import type { Observers } from "./observer.ts"
import type { Outcomes } from "./outcomes.ts"
import type { TaskBlock } from "./producer.ts"
import type { Quarantine } from "./quarantine.ts"
import type { Chunk, WorkerState } from "./workerState.ts"

export interface EncodedBlocksOptions {
  readonly assignments: Assignments
  readonly filler: ChunkFiller
  readonly observers: Observers
  readonly outcomes: Outcomes
  readonly quarantine: Quarantine
  /** Settles one item. */
  readonly settling: Pick<Contract.Scheduler, "succeed" | "fail">
}

export class EncodedBlocks {
  private readonly options: EncodedBlocksOptions

  constructor(options: EncodedBlocksOptions) {
    this.options = options
  }

  take(worker: WorkerState, max: number): Chunk | undefined {
    const { assignments, filler, observers, quarantine } = this.options
    if (quarantine.size > 0 || worker.runsQuarantined || observers.active) return undefined
    const taken = filler.takeBlock(max)
    if (taken === undefined) return undefined
    const { block, subscription, type } = taken
    const chunk = assignments.assignBlock(worker, subscription, block, type)
    const { name, payloads, size } = block
    const succeed = (from: number, to: number, results: Uint8Array, micros: number) =>
      this.succeed(chunk, block, from, to, results, micros)
    chunk.encoded = { name, size, payloads, succeed }
    return chunk
  }

  private succeed(
    chunk: Chunk,
    block: TaskBlock,
    from: number,
    to: number,
    results: Uint8Array,
    micros: number
  ): void {
    const { assignments, outcomes, settling } = this.options
    const count = to - from
    if (micros >= 0 && micros < Infinity) {
      recordRunOf(chunk.type, count, micros / count)
      chunk.worker.counts.busy += micros
    }
    if (chunk.block !== undefined && from === chunk.done) {
      assignments.releaseFirst(chunk, count)
      outcomes.succeedBlock(chunk, block, count, results)
      return assignments.finishFirst(chunk)
    }
    const values = block.decode(results, count)
    for (let i = 0; i < count; i++) {
      if (typeof values !== "string") settling.succeed(chunk, from + i, values[i])
      else settling.fail(chunk, from + i, { _tag: "Undecodable", part: "success", message: values })
    }
  }
}
