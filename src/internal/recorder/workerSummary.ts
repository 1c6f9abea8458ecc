/**
 * The summary of one worker: its time on tasks, its oldest chunk, its heap.
 *
 * Must stay true: the time on tasks is never longer than the time in which the worker held one.
 */
import type * as Model from "./model.ts"
import type { Recorder } from "./recorder.ts"
import { round, share } from "./rounding.ts"
import type { JoinedWorker, WorkerRecord } from "./workers.ts"

const oldestChunk = (worker: JoinedWorker, recorder: Recorder, at: number): Model.WorkerSummary["oldest"] => {
  let chunk = worker.state.newestChunk
  while (chunk?.older !== undefined) chunk = chunk.older
  if (chunk === undefined) return null
  return {
    type: recorder.types.get(chunk.items[0].name).id,
    tasks: chunk.open,
    age: round(Math.max(0, at - recorder.since(chunk.taken)))
  }
}

/** Milliseconds that a worker has spent on tasks, those under way included: at most the time in which it held one. */
export const runningOf = (record: WorkerRecord, joined: ReadonlyArray<JoinedWorker>, at: number): number => {
  const occupied = occupiedOf(record, joined, at)
  // It does not report times, or has nothing to send.
  if (joined.some(({ state }) => state.handle.sharesThread) || record.sharesThread) return occupied
  if (record.busy === 0 && record.tasks > 0) return occupied
  let running = record.busy / 1000
  for (const worker of joined) running += worker.runningSince(at)
  return Math.min(running, occupied)
}

export const occupiedOf = (record: WorkerRecord, joined: ReadonlyArray<JoinedWorker>, at: number): number => {
  let occupied = record.occupied
  for (const worker of joined) occupied += worker.occupiedSince(at)
  return Math.min(occupied, record.slotTimeUntil(at))
}

const heapOf = (joined: ReadonlyArray<JoinedWorker>): number | null => {
  const heaps = joined.flatMap(({ state }) => state.handle.heapBytes?.() ?? [])
  return heaps.length === 0 ? null : heaps.reduce((sum, bytes) => sum + bytes)
}

export const workerOf = (
  record: WorkerRecord,
  joined: ReadonlyArray<JoinedWorker>,
  recorder: Recorder,
  at: number
): Model.WorkerSummary => {
  const oldest = joined.map((worker) => oldestChunk(worker, recorder, at)).filter((chunk) => chunk !== null)
  const running = runningOf(record, joined, at)
  return {
    id: record.id,
    name: record.name,
    slots: record.up > 0 ? record.slots : record.mostSlots,
    state: record.state,
    joinedAt: round(record.joinedAt),
    leftAt: record.leftAt === undefined ? null : round(record.leftAt),
    held: joined.reduce((sum, { state }) => sum + state.assigned, 0),
    tasks: record.tasks,
    failed: record.failed,
    busy: round(running),
    occupied: round(occupiedOf(record, joined, at)),
    share: share(running, record.slotTimeUntil(at)),
    heap: heapOf(joined),
    oldest: oldest.toSorted((a, b) => b.age - a.age)[0] ?? null
  }
}

/** The workers that have joined, by their records. */
export const joinedByRecord = (recorder: Recorder): ReadonlyMap<WorkerRecord, ReadonlyArray<JoinedWorker>> => {
  const all = new Map<WorkerRecord, Array<JoinedWorker>>()
  for (const worker of recorder.joined.values()) {
    const known = all.get(worker.record)
    if (known === undefined) all.set(worker.record, [worker])
    else known.push(worker)
  }
  return all
}
