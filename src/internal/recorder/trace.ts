/**
 * A snapshot as a trace in the Trace Event Format of Chrome, which https://ui.perfetto.dev opens. A page in a browser
 * makes it too, so this module imports nothing of Node.
 *
 * Source of the format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import type { Snapshot } from "./model.ts"

/** Rows of a worker. */
const ROWS = 64

interface TraceEvent {
  readonly ph: "X" | "M" | "C" | "i"
  readonly name: string
  readonly pid: number
  readonly tid?: number
  /** Microseconds. */
  readonly ts?: number
  readonly dur?: number
  readonly cat?: string
  readonly s?: "t" | "p"
  readonly args?: Readonly<Record<string, unknown>>
}

const PROCESS = 1

const micros = (millis: number): number => Math.round(millis * 1000)

/** Names the row of a worker. The order of rows is that of their numbers. */
const rowName = (tid: number, name: string): ReadonlyArray<TraceEvent> => [
  { ph: "M", name: "thread_name", pid: PROCESS, tid, args: { name } },
  { ph: "M", name: "thread_sort_index", pid: PROCESS, tid, args: { sort_index: tid } }
]

export const traceOf = (snapshot: Snapshot): string => {
  const { events, latestFailures, name, segments, series, types, workers } = snapshot
  const tidOf = (worker: number, row: number): number => worker * ROWS + row + 1
  const all: Array<TraceEvent> = [{ ph: "M", name: "process_name", pid: PROCESS, args: { name } }]
  const named = new Set<number>()
  const nameRow = (worker: number, row: number): number => {
    const tid = tidOf(worker, row)
    if (!named.has(tid)) {
      named.add(tid)
      all.push(...rowName(tid, row === 0 ? workers[worker].name : `${workers[worker].name} · ${row + 1}`))
    }
    return tid
  }
  for (const { id } of workers) nameRow(id, 0)
  for (let i = 0; i < segments.worker.length; i++) {
    all.push({
      ph: "X",
      name: types[segments.type[i]].name,
      cat: "tasks",
      pid: PROCESS,
      tid: nameRow(segments.worker[i], segments.row[i]),
      ts: micros(segments.from[i]),
      dur: micros(segments.to[i] - segments.from[i]),
      args: { tasks: segments.tasks[i], failed: segments.failed[i], "busy ms": segments.busy[i] }
    })
  }
  const ids = new Map(workers.map((worker) => [worker.name, worker.id]))
  const rowOf = (worker: string) => {
    const id = ids.get(worker)
    return id === undefined ? { s: "p" as const } : { s: "t" as const, tid: tidOf(id, 0) }
  }
  for (const { at, attempt, index, message, reason, task, worker } of latestFailures) {
    all.push({
      ph: "i",
      name: `${task}: ${reason}`,
      cat: "failures",
      pid: PROCESS,
      ts: micros(at),
      ...rowOf(worker),
      args: { index, attempt, message }
    })
  }
  for (const { at, detail, kind, worker } of events) {
    const args = detail === null ? {} : { args: { detail } }
    all.push({ ph: "i", name: kind, cat: "workers", pid: PROCESS, ts: micros(at), ...rowOf(worker), ...args })
  }
  for (let i = 0; i < series.waiting.length; i++) {
    const ts = micros(i * series.width)
    const done = (series.succeeded[i] + series.failed[i]) / series.width * 1000
    all.push({
      ph: "C",
      name: "tasks",
      pid: PROCESS,
      ts,
      args: { waiting: series.waiting[i], running: series.running[i] }
    })
    all.push({ ph: "C", name: "tasks per second", pid: PROCESS, ts, args: { done } })
  }
  return JSON.stringify({ displayTimeUnit: "ms", traceEvents: all })
}
