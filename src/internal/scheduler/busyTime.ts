/**
 * The time that a worker spent on tasks: it updates the estimates of their types, and the counts of their run times.
 *
 * Must stay true: tasks of one type, as most that are reported together are, cost one pass without an allocation.
 */
import { updateEstimate } from "./chunkSizing.ts"
import type { TaskEntry } from "./producer.ts"
import { type TaskType, typeOf } from "./taskTypes.ts"

/** Tasks took so many microseconds together. There is at least one. */
export const recordRun = (entries: ReadonlyArray<TaskEntry>, micros: number): void => {
  const { length } = entries
  const type = typeOf(entries[0])
  for (let i = 1; i < length; i++) if (typeOf(entries[i]) !== type) return recordMixed(entries, micros)
  recordRunOf(type, length, micros / length)
}

/** So many tasks of a type took this time each, in microseconds. */
export const recordRunOf = (type: TaskType, tasks: number, micros: number): void => {
  updateEstimate(type, micros)
  type.counts.runTimes.add(micros, tasks)
}

/**
 * Of several types, each keeps its share of the expected time. One without an estimate gets the time that the others leave,
 * or the mean of all if they leave none; its estimate becomes the mean.
 */
const recordMixed = (entries: ReadonlyArray<TaskEntry>, micros: number): void => {
  const tasks = new Map<TaskType, number>()
  let expected = 0
  let unknown = 0
  for (const entry of entries) {
    const type = typeOf(entry)
    tasks.set(type, (tasks.get(type) ?? 0) + 1)
    expected += type.micros
    if (type.micros === 0) unknown++
  }
  const mean = micros / entries.length
  const rest = micros > expected ? (micros - expected) / unknown : mean
  const all = unknown === 0 ? expected : expected + unknown * rest
  const factor = all > 0 ? micros / all : 0
  for (const [type, count] of tasks) {
    const isKnown = type.micros > 0
    const share = (isKnown ? type.micros : rest) * factor
    updateEstimate(type, isKnown ? share : mean)
    type.counts.runTimes.add(share, count)
  }
}
