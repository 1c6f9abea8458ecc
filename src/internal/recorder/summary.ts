/**
 * Makes summaries, snapshots and frames from the data of a recorder.
 *
 * Must stay true: everything is plain data without `undefined`, `NaN` or infinity; a snapshot is at most 512 KiB as JSON,
 * and a frame at most 64 KiB.
 */
import { cpus } from "../cpus.ts"
import { bucketMicros } from "../scheduler/runTimeBuckets.ts"
import { advise } from "./advice.ts"
import { COLUMNS } from "./columns.ts"
import type * as Model from "./model.ts"
import { histogramOf, percentile } from "./percentile.ts"
import type { Recorder } from "./recorder.ts"
import { fine, round, share } from "./rounding.ts"
import type { Segment } from "./segments.ts"
import { fitting, jsonBytes } from "./sizes.ts"
import type { TypeRecord } from "./types.ts"
import { joinedByRecord, occupiedOf, runningOf, workerOf } from "./workerSummary.ts"

const SNAPSHOT_SEGMENTS = 8000
const SNAPSHOT_BYTES = 512 * 1024
/** The most that a segment takes as JSON: eight numbers of up to 9 digits, and their commas. */
const SEGMENT_BYTES = 72
const SNAPSHOT_LISTS = { groups: 96 * 1024, failures: 64 * 1024, events: 48 * 1024 }
const FRAME_BYTES = 64 * 1024
const FRAME_SEGMENTS = 400
const FRAME_WORKERS = 64
const FRAME_FAILURES = 20
const FRAME_EVENTS = 50
/** Bytes of each list of a frame. Segments get the rest. */
const FRAME_LISTS = { types: 14 * 1024, workers: 20 * 1024, groups: 10 * 1024, failures: 6 * 1024, events: 5 * 1024 }

// ----------------------------------------------------------------------------
// Types
// ----------------------------------------------------------------------------

const typeOf = (type: TypeRecord): Model.TypeSummary => {
  const counts = type.counts()
  const reasons = Object.fromEntries(Array.from(counts.failed).filter(([, count]) => count > 0))
  const failed = Object.values(reasons).reduce((sum, count) => sum + count, 0)
  return {
    id: type.id,
    name: type.name,
    succeeded: counts.succeeded,
    failed: failed - counts.retried,
    retried: counts.retried,
    restarted: counts.restarted,
    cancelled: counts.cancelled,
    reasons,
    busy: round(counts.busy / 1000),
    runs: histogramOf(counts.buckets),
    mean: counts.reported > 0 ? fine(counts.busy / 1000 / counts.reported) : null,
    p50: percentile(counts.buckets, counts.reported, 0.5),
    p95: percentile(counts.buckets, counts.reported, 0.95),
    p99: percentile(counts.buckets, counts.reported, 0.99),
    chunk: type.chunks > 0 ? round(type.chunkTasks / type.chunks) : null
  }
}

// ----------------------------------------------------------------------------
// Totals
// ----------------------------------------------------------------------------

const budgetOf = (recorder: Recorder, at: number): Model.TimeBudget => {
  const joined = joinedByRecord(recorder)
  let slotTime = 0
  let occupied = 0
  let running = 0
  for (const record of recorder.workers) {
    const workers = joined.get(record) ?? []
    slotTime += record.slotTimeUntil(at)
    occupied += occupiedOf(record, workers, at)
    running += runningOf(record, workers, at)
  }
  return recorder.free.budget({ joined: slotTime, occupied, running, starting: recorder.startingUntil(at) })
}

const totalsOf = (recorder: Recorder, types: ReadonlyArray<Model.TypeSummary>): Model.Totals => {
  const sum = (of: (type: Model.TypeSummary) => number) => types.reduce((total, type) => total + of(type), 0)
  const statuses = recorder.sources.map(({ status }) => status)
  const now = (of: (status: (typeof statuses)[number]) => number) =>
    statuses.reduce((total, status) => total + of(status), 0)
  const retrying = recorder.sources.reduce((total, source) => total + source.retrying(), 0)
  const held = now(({ workers }) => workers.reduce((total, { assigned }) => total + assigned, 0))
  const attempts = sum(({ cancelled, failed, restarted, retried, succeeded }) =>
    succeeded + failed + retried + restarted + cancelled
  )
  // They have their outcome.
  let lingering = 0
  for (const { statistics } of recorder.sources) for (const counts of statistics.all) lingering += counts.lingering
  return {
    started: attempts + held - lingering,
    succeeded: sum(({ succeeded }) => succeeded),
    failed: sum(({ failed }) => failed) - retrying,
    retried: sum(({ retried }) => retried),
    restarted: sum(({ restarted }) => restarted),
    cancelled: sum(({ cancelled }) => cancelled),
    waiting: now(({ waiting }) => waiting),
    running: now(({ running }) => running),
    retrying,
    executions: now(({ executions }) => executions),
    slots: now(({ workers }) => workers.reduce((total, { concurrency }) => total + concurrency, 0))
  }
}

const adviceOf = (
  recorder: Recorder,
  duration: number,
  budget: Model.TimeBudget,
  totals: Model.Totals,
  types: ReadonlyArray<Model.TypeSummary>,
  mainThread: number
): ReadonlyArray<Model.Advice> => {
  const reported = types.reduce((sum, { runs }) => sum + runs.counts.reduce((all, count) => all + count, 0), 0)
  const longest = longestOf(recorder, types)
  const lostType = types.toSorted((a, b) => b.restarted - a.restarted)[0]
  return advise({
    duration,
    budget,
    totals: { ...totals, slots: Math.max(totals.slots, recorder.mostSlots) },
    meanRun: reported > 0 ? types.reduce((sum, { busy }) => sum + busy, 0) / reported : 0,
    longestRun: longest?.millis ?? 0,
    longestType: longest?.type.name,
    tail: recorder.free.tail(budget),
    mainThread,
    workerThreads: recorder.eventLoops.workerThreads,
    sharesThread: recorder.workers.length > 0 && recorder.workers.every(({ sharesThread }) => sharesThread),
    chunkSize: recorder.largestChunkSize,
    cpus: cpus(),
    remedies: recorder.remedies,
    lostTask: lostType?.name,
    lostCause: recorder.events.findLast(({ kind }) => kind === "lost")?.detail ?? undefined
  })
}

const longestOf = (recorder: Recorder, types: ReadonlyArray<Model.TypeSummary>) => {
  let longest: { readonly type: Model.TypeSummary; readonly millis: number } | undefined
  for (const type of types) {
    if (type.runs.counts.length === 0) continue
    const bound = bucketMicros(type.runs.from + type.runs.counts.length)
    const millis = Math.min(bound, recorder.types.all[type.id].longest) / 1000
    if (longest === undefined || millis > longest.millis) longest = { type, millis }
  }
  return longest
}

const rounded = (budget: Model.TimeBudget): Model.TimeBudget =>
  Object.fromEntries(Object.entries(budget).map(([key, millis]) => [key, round(millis)])) as unknown as Model.TimeBudget

/** The members that a summary and a frame have in common. */
const currentOf = (recorder: Recorder) => {
  const at = recorder.now()
  const types = recorder.refreshTypes().map(typeOf)
  const totals = totalsOf(recorder, types)
  const budget = budgetOf(recorder, at)
  const mainThread = share(recorder.eventLoops.mainThread(at), 1)
  const advice = adviceOf(recorder, at, budget, totals, types, mainThread)
  return { at, types, totals, budget: rounded(budget), mainThread, failures: recorder.failures.count, advice }
}

export const summaryOf = (recorder: Recorder): Model.Summary => {
  const { at, ...current } = currentOf(recorder)
  const joined = joinedByRecord(recorder)
  return {
    ...current,
    name: recorder.name,
    startedAt: recorder.startedAtUnix,
    duration: round(at),
    workers: recorder.workers.map((record) => workerOf(record, joined.get(record) ?? [], recorder, at)),
    groups: recorder.failures.groupSummaries,
    ungrouped: recorder.failures.ungrouped
  }
}

// ----------------------------------------------------------------------------
// Snapshots
// ----------------------------------------------------------------------------

const columnsOf = (segments: ReadonlyArray<Segment>): Model.Segments => ({
  worker: segments.map(({ worker }) => worker),
  row: segments.map(({ row }) => row),
  type: segments.map(({ type }) => type),
  from: segments.map(({ from }) => round(from)),
  to: segments.map(({ to }) => round(to)),
  tasks: segments.map(({ tasks }) => tasks),
  failed: segments.map(({ failed }) => failed),
  busy: segments.map(({ busy }) => round(busy / 1000))
})

/** The latest segments, the oldest first. */
const latestSegments = (recorder: Recorder, after: number, limit: number): ReadonlyArray<Segment> => {
  const { segments } = recorder
  const first = Math.max(segments.first, after, segments.count - limit)
  return Array.from({ length: Math.max(0, segments.count - first) }, (_, i) => segments.get(first + i))
}

const seriesOf = ({ columns, series }: Recorder, at: number): Model.Series => {
  const count = Math.min(COLUMNS, Math.floor(at / columns.width) + 1)
  const list = (values: Float32Array) => Array.from(values.subarray(0, count), (value) => round(value))
  return {
    width: columns.width,
    succeeded: list(series.succeeded),
    failed: list(series.failed),
    waiting: list(series.waiting),
    running: list(series.running),
    slots: list(series.slots),
    occupied: list(series.occupied)
  }
}

export const snapshotOf = (recorder: Recorder, sequence: number): Model.Snapshot => {
  recorder.sample()
  recorder.flush()
  const summary = summaryOf(recorder)
  const groups = fitting(summary.groups, SNAPSHOT_LISTS.groups)
  const rest = {
    ...summary,
    groups,
    ungrouped: summary.groups.slice(groups.length).reduce((sum, { count }) => sum + count, summary.ungrouped),
    sequence,
    series: seriesOf(recorder, recorder.now()),
    segmentCount: recorder.segments.count,
    latestFailures: fitting(recorder.failures.after(0), SNAPSHOT_LISTS.failures),
    events: fitting(recorder.events.toReversed(), SNAPSHOT_LISTS.events)
  }
  return { ...rest, segments: segmentsWithin(recorder, 0, SNAPSHOT_SEGMENTS, SNAPSHOT_BYTES - jsonBytes(rest)) }
}

/** The names of the columns, with their brackets. */
const SEGMENT_NAMES_BYTES = 128

/** The latest segments that take at most so many bytes. */
const segmentsWithin = (recorder: Recorder, after: number, most: number, bytes: number): Model.Segments => {
  const limit = Math.min(most, Math.floor((bytes - SEGMENT_NAMES_BYTES) / SEGMENT_BYTES))
  return columnsOf(latestSegments(recorder, after, Math.max(0, limit)))
}

// ----------------------------------------------------------------------------
// Frames
// ----------------------------------------------------------------------------

/** The state that the latest frame has shown. */
export class FrameState {
  sequence = 0
  segments = 0
  failure = 0
  event = 0
  /** The type and the worker that were looked at last. */
  type = -1
  worker = -1
}

/**
 * Those whose turn it is, if not all that have changed fit: entries of a list by id, from the one after `last`. `next`
 * gives an entry that has changed. Returns the entries, and the id of the last one that was looked at.
 */
const byTurns = <A>(
  { bytes, last, length, most }: {
    readonly length: number
    readonly last: number
    readonly most: number
    readonly bytes: number
  },
  next: (id: number) => { readonly entry: A; readonly taken: () => void } | undefined
): readonly [ReadonlyArray<A>, number] => {
  const entries: Array<A> = []
  let left = bytes
  let at = last
  for (let i = 0; i < length && entries.length < most; i++) {
    const id = (at + 1) % length
    const found = next(id)
    if (found !== undefined) {
      left -= jsonBytes(found.entry) + 1
      if (left < 0) break
      found.taken()
      entries.push(found.entry)
    }
    at = id
  }
  return [entries, at]
}

/** Those that have changed. The time of a worker that holds a task passes, though nothing happens. */
const changedWorkers = (recorder: Recorder, state: FrameState, at: number): ReadonlyArray<Model.WorkerSummary> => {
  const { workers } = recorder
  const joined = joinedByRecord(recorder)
  const limits = { length: workers.length, last: state.worker, most: FRAME_WORKERS, bytes: FRAME_LISTS.workers }
  const [changed, last] = byTurns(limits, (id) => {
    const record = workers[id]
    const own = joined.get(record) ?? []
    if (!record.changed && own.every(({ state }) => state.assigned === 0)) return undefined
    return {
      entry: workerOf(record, own, recorder, at),
      taken: () => {
        record.changed = false
      }
    }
  })
  state.worker = last
  return changed
}

const changedTypes = (
  recorder: Recorder,
  state: FrameState,
  types: ReadonlyArray<Model.TypeSummary>
): ReadonlyArray<Model.TypeSummary> => {
  const limits = { length: types.length, last: state.type, most: types.length, bytes: FRAME_LISTS.types }
  const [changed, last] = byTurns(limits, (id) => {
    const record = recorder.types.all[id]
    return record.hasChanged ? { entry: types[id], taken: () => record.see() } : undefined
  })
  state.type = last
  return changed
}

export const frameOf = (recorder: Recorder, state: FrameState, ended: boolean): Model.Frame => {
  recorder.sample()
  recorder.flush()
  const { at, types, ...current } = currentOf(recorder)
  const { events, failures, segments } = recorder
  const groups = fitting(failures.changedGroups.slice(0, FRAME_FAILURES), FRAME_LISTS.groups)
  failures.see(groups, ++state.sequence)
  const rest = {
    ...current,
    sequence: state.sequence,
    at: round(at),
    ended,
    types: changedTypes(recorder, state, types),
    workers: changedWorkers(recorder, state, at),
    groups,
    ungrouped: failures.ungrouped,
    latestFailures: fitting(failures.after(state.failure).slice(0, FRAME_FAILURES), FRAME_LISTS.failures),
    events: fitting(
      events.filter(({ id }) => id > state.event).toReversed().slice(0, FRAME_EVENTS),
      FRAME_LISTS.events
    ),
    segmentCount: segments.count
  }
  const frame = {
    ...rest,
    segments: segmentsWithin(recorder, state.segments, FRAME_SEGMENTS, FRAME_BYTES - jsonBytes(rest))
  }
  state.segments = segments.count
  state.failure = failures.count
  state.event = events.at(-1)?.id ?? state.event
  return frame
}
