/**
 * The failed attempts of a recording: the latest, and groups of those with the same cause.
 *
 * Must stay true: memory is bounded, and so is the time: details are kept of at most 50 failures a second of a known
 * task, reason and error, and of 50 of a new one, since a stack is rendered for each. All others are counted, in the
 * latest group of their task, reason and error if there is one.
 */
import type * as TaskFailure from "../../TaskFailure.ts"
import type { TaskEntry } from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import { Attempts } from "./attempts.ts"
import type { Failure, FailureGroup, FailureSummary } from "./model.ts"
import { payloadOf } from "./payload.ts"
import { shortName } from "./sizes.ts"
import { Tokens } from "./tokens.ts"

const LATEST = 200
const GROUPS = 100
const MAX_MESSAGE = 300
const MAX_TEXT = 1024
const MAX_TRACE = 8 * 1024

/** An entry of a producer, of which attempts have failed. */
export type FailedEntry = Pick<TaskEntry, "index" | "span">

class Group {
  readonly id: number
  readonly key: string
  readonly place: string | null
  readonly first: number
  last: number
  count = 0
  sample: FailureSummary
  changed = true
  /** The sequence number of the latest frame that had it. */
  seen = 0

  constructor(id: number, key: string, place: string | null, sample: FailureSummary) {
    this.id = id
    this.key = key
    this.place = place
    this.first = this.last = sample.at
    this.sample = sample
  }

  add(at: number): void {
    this.count++
    this.last = at
    this.changed = true
  }

  get summary(): FailureGroup {
    const { count, first, id, last, place, sample } = this
    const { error, reason, task } = sample
    return { id, task, reason, error, place, count, first, last, sample }
  }
}

export class Failures {
  count = 0
  /** Failures of groups that were dropped. */
  ungrouped = 0
  readonly attempts = new Attempts()
  private readonly payloads: boolean
  private readonly latest: Array<Failure> = []
  private readonly groups = new Map<string, Group>()
  /** The latest group of a task, reason and error. */
  private readonly latestGroup = new Map<string, Group>()
  private lastGroup = 0
  /** For failures of a known cause, and for those of a new one: many of the former must not hide the latter. */
  private readonly known = new Tokens()
  private readonly unknown = new Tokens()

  constructor(payloads: boolean) {
    this.payloads = payloads
  }

  /** Adds a failed attempt. `at`: milliseconds since the recording began. */
  add(failure: TaskFailure.TaskFailure<Task.Any>, entry: FailedEntry, at: number): void {
    const id = ++this.count
    try {
      this.addDetails(id, failure, entry, at)
    } catch {
      // An error whose members throw.
      this.ungrouped++
    }
  }

  private addDetails(id: number, failure: TaskFailure.TaskFailure<Task.Any>, entry: FailedEntry, at: number): void {
    const reason: TaskFailure.Reason<unknown> = failure.reason
    const error = errorOf(reason)
    const cause = `${failure.task._tag}\n${reason._tag}\n${error}`
    const known = this.latestGroup.get(cause)
    const hasDetails = (known === undefined ? this.unknown : this.known).take(at)
    if (!hasDetails) {
      if (known === undefined) this.ungrouped++
      else known.add(at)
      return
    }
    const trace = cut(failure.trace, MAX_TRACE)
    const text = cut(reason.message, MAX_TEXT)
    const place = placeOf(trace)
    const key = `${cause}\n${place}`
    const summary = {
      id,
      at,
      task: shortName(failure.task._tag),
      index: entry.index,
      reason: reason._tag,
      error,
      worker: shortName(failure.worker),
      attempt: failure.attempt,
      message: cut(text, MAX_MESSAGE)
    }
    let group = this.groups.get(key)
    if (group === undefined) group = this.addGroup(key, cause, place, { ...summary, group: ++this.lastGroup })
    group.add(at)
    group.sample = { ...summary, group: group.id }
    // The latest of which details are kept, in the order of their last failure.
    this.groups.delete(key)
    this.groups.set(key, group)
    this.latestGroup.set(cause, group)
    this.latest.push({
      ...group.sample,
      text,
      trace,
      payload: this.payloads ? payloadOf(failure.task) : null,
      span: spanOf(entry),
      attempts: this.attempts.of(entry)
    })
    const { attempt, message, worker } = summary
    this.attempts.add(entry, { attempt, at, worker, reason: summary.reason, message })
    if (this.latest.length > LATEST) this.latest.shift()
  }

  private addGroup(key: string, cause: string, place: string | null, sample: FailureSummary): Group {
    const group = new Group(sample.group, key, place, sample)
    this.groups.set(key, group)
    this.latestGroup.set(cause, group)
    if (this.groups.size > GROUPS) this.dropOldest()
    return group
  }

  private dropOldest(): void {
    for (const [key, group] of this.groups) {
      this.groups.delete(key)
      this.ungrouped += group.count
      for (const [cause, other] of this.latestGroup) if (other === group) this.latestGroup.delete(cause)
      return
    }
  }

  /** Of all groups, the latest first. */
  get groupSummaries(): Array<FailureGroup> {
    return Array.from(this.groups.values(), ({ summary }) => summary).reverse()
  }

  /** Of those that have changed since a frame had them: those that no frame had for longest first, then the latest. */
  get changedGroups(): Array<FailureGroup> {
    return Array.from(this.groups.values())
      .filter(({ changed }) => changed)
      .reverse()
      .sort((a, b) => a.seen - b.seen)
      .map(({ summary }) => summary)
  }

  /** A frame has these groups. */
  see(groups: ReadonlyArray<FailureGroup>, frame: number): void {
    const ids = new Set(groups.map(({ id }) => id))
    for (const group of this.groups.values()) {
      if (!ids.has(group.id)) continue
      group.changed = false
      group.seen = frame
    }
  }

  /** Those with a greater id, the newest first. */
  after(id: number): Array<FailureSummary> {
    const found: Array<FailureSummary> = []
    for (let i = this.latest.length - 1; i >= 0 && this.latest[i].id > id; i--) {
      found.push(summaryOf(this.latest[i]))
    }
    return found
  }

  find(id: number): Failure | undefined {
    return this.latest.find((failure) => failure.id === id)
  }
}

const summaryOf = (
  { attempts: _attempts, payload: _payload, span: _span, text: _text, trace: _trace, ...summary }: Failure
): FailureSummary => summary

/** The longest id of a trace or span that is kept: any tracer may have made it. */
const MAX_ID = 64

const spanOf = ({ span }: FailedEntry): Failure["span"] =>
  span === undefined || !span.sampled
    ? null
    : { traceId: cut(span.traceId, MAX_ID), spanId: cut(span.spanId, MAX_ID) }

const cut = (text: string, max: number): string => text.length > max ? `${text.slice(0, max - 1)}…` : text

/** The tag or the name of the error of a reason. */
const errorOf = (reason: TaskFailure.Reason<unknown>): string | null => {
  const error: unknown = reason._tag === "Failed" ? reason.error : reason._tag === "Defect" ? reason.defect : undefined
  if (typeof error !== "object" || error === null) return null
  const { _tag, name } = error as { readonly _tag?: unknown; readonly name?: unknown }
  return typeof _tag === "string" ? shortName(_tag) : typeof name === "string" ? shortName(name) : null
}

/** The first frame of a stack. */
const placeOf = (trace: string): string | null => {
  const frame = /^\s+at (.+)$/m.exec(trace)?.[1]
  return frame === undefined ? null : cut(frame, MAX_TEXT)
}
