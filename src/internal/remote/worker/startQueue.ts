/**
 * The tasks of one client that have not started at this worker, in the order in which they start.
 *
 * Must stay true: a task with `confirmStart` is claimed when a slot asks for it, and starts only after the client has
 * confirmed the claim. At most as many claims as there are slots wait for their confirmation, because each of them may
 * have run if the connection is lost. Confirmed tasks start first.
 */
import type * as Tracer from "effect/Tracer"
import { Deque } from "../../deque.ts"
import { TaskEntry } from "../../scheduler/producer.ts"
import type * as Task from "../../task.ts"
import type { WireFailure } from "../protocol/messages.ts"

/** A chunk of the client. */
export interface SessionChunk {
  readonly id: number
  /** The task names of the chunk, each once. */
  readonly names: ReadonlyArray<string>
  /** By position, the tasks without an outcome. */
  readonly entries: Array<SessionEntry | undefined>
  /** The position after the last task that was received. */
  received: number
  /** Tasks without an outcome. */
  open: number
}

export class SessionEntry extends TaskEntry {
  readonly chunk: SessionChunk
  readonly at: number
  readonly nameIndex: number
  readonly confirmStart: boolean
  /** The reason why it fails without a start. */
  refusal: typeof WireFailure.Type | undefined

  constructor(
    task: Task.Any,
    index: number,
    taskTimeout: number | undefined,
    chunk: SessionChunk,
    at: number,
    nameIndex: number,
    span: Tracer.AnySpan | undefined,
    confirmStart: boolean
  ) {
    super(task, index, taskTimeout, span)
    this.chunk = chunk
    this.at = at
    this.nameIndex = nameIndex
    this.confirmStart = confirmStart || !task["~papyros/Task"].idempotent
  }
}

export class StartQueue {
  private readonly slots: number
  private readonly announce: (entry: SessionEntry) => void
  private readonly waiting = new Deque<SessionEntry>()
  /** Claims that are not confirmed. */
  private readonly claimed = new Set<SessionEntry>()
  private readonly confirmed = new Deque<SessionEntry>()

  /** `announce` tells the client of a claim. */
  constructor(slots: number, announce: (entry: SessionEntry) => void) {
    this.slots = slots
    this.announce = announce
  }

  add(entry: SessionEntry): void {
    this.waiting.push(entry)
  }

  /** The client has confirmed the claim. A claim that was withdrawn meanwhile is not. */
  confirm(entry: SessionEntry): void {
    if (this.claimed.delete(entry)) this.confirmed.push(entry)
  }

  /** Withdraws the claim of a cancelled task. */
  withdraw(entry: SessionEntry): void {
    this.claimed.delete(entry)
  }

  /** The next task to start, or `undefined`. */
  next(): SessionEntry | undefined {
    for (let entry = this.confirmed.shift(); entry !== undefined; entry = this.confirmed.shift()) {
      if (!entry.cancelled) return entry
    }
    for (let entry = this.waiting.shift(); entry !== undefined; entry = this.waiting.shift()) {
      if (entry.cancelled) continue
      if (!entry.confirmStart) return entry
      if (this.claimed.size >= this.slots) {
        this.waiting.unshift(entry)
        return undefined
      }
      this.claimed.add(entry)
      this.announce(entry)
    }
    return undefined
  }

  /** Takes every task, also those that are claimed. */
  takeAll(): ReadonlyArray<SessionEntry> {
    const entries = [...this.confirmed.clear(), ...this.claimed, ...this.waiting.clear()]
    this.claimed.clear()
    return entries.filter(({ cancelled }) => !cancelled)
  }

  /** Nothing more starts. */
  clear(): void {
    this.waiting.clear()
    this.confirmed.clear()
  }
}
