/** Chunks and a recorder of outcomes, for the parts of the main thread that are tested without a thread. */
import type * as Executor from "papyros/Executor"
import type { ItemSink } from "../../../../src/internal/threads/main/requests.ts"

export const item = (payload: unknown, options: Partial<Executor.Item> = {}): Executor.Item => ({
  name: "Task",
  payload,
  attempt: 1,
  taskTimeout: undefined,
  idempotent: true,
  transfer: undefined,
  span: undefined,
  depth: 0,
  ...options
})

let lastId = 0

export const chunk = (
  items: number | ReadonlyArray<Executor.Item>,
  options: Partial<Executor.Chunk> = {}
): Executor.Chunk => ({
  id: ++lastId,
  items: typeof items === "number" ? Array.from({ length: items }, (_, n) => item(n)) : items,
  size: typeof items === "number" ? items : items.length,
  expectedMicros: 0,
  quarantined: false,
  bytes: 0,
  note: undefined,
  ...options
})

/** Records the outcomes of the items of chunks. */
export class Recorder implements ItemSink {
  readonly events: Array<readonly [event: string, chunk: number, ...details: ReadonlyArray<unknown>]> = []

  succeed(chunk: Executor.Chunk, at: number, value: unknown): void {
    this.events.push(["succeed", chunk.id, at, value])
  }

  fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure): void {
    this.events.push(["fail", chunk.id, at, failure._tag])
  }

  requeue(chunk: Executor.Chunk, from: number, to: number): void {
    this.events.push(["requeue", chunk.id, from, to])
  }
}
