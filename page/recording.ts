/** The recording that the page shows: live from a dashboard, or the data inside a report. */
import type { Frame, Snapshot } from "../src/internal/recorder/model.ts"
import { connect, type Status } from "./connection.ts"
import { type History, parseHistory } from "./history.ts"
import type { Failure } from "./store.ts"
import { Store } from "./store.ts"

export interface Recording {
  readonly isReport: boolean
  /** `undefined` until a snapshot is there. */
  readonly store: Store | undefined
  readonly status: Status
  readonly isPaused: boolean
  /** Tasks that have ended since the pause. */
  readonly missed: number
  /** When the latest message came, in milliseconds of Unix time. */
  readonly lastAt: number | undefined
  readonly footer: string | undefined
  /** Files that the page can give to the user. */
  readonly files: ReadonlyArray<{ readonly name: string; readonly save: () => void }>
  readonly togglePause: () => void
  readonly retry: () => void
  readonly load: (id: number) => Promise<Failure | undefined>
  readonly loadHistory: () => Promise<History | undefined>
  /** Calls the listener after each change. Returns how to end that. */
  readonly subscribe: (listener: () => void) => () => void
}

/** Frames that are kept during a pause, of which there are two a second. After that, the page takes a snapshot. */
const MAX_PAUSED = 600

const done = ({ failed, succeeded }: { readonly succeeded: number; readonly failed: number }): number =>
  succeeded + failed

export class LiveRecording implements Recording {
  readonly isReport = false
  readonly footer = "The task stream and the lists have the latest entries; totals are exact."
  readonly files = [
    { name: "save as a report", save: () => location.assign("report.html") },
    { name: "trace for Perfetto", save: () => location.assign("trace.json") }
  ]
  store: Store | undefined
  status: Status = { state: "connecting" }
  isPaused = false
  missed = 0
  lastAt: number | undefined
  private held: Array<Frame> = []
  private heldSnapshot: Snapshot | undefined
  private readonly listeners = new Set<() => void>()
  readonly retry: () => void

  constructor() {
    const connection = connect({
      onSnapshot: (data) => this.onSnapshot(JSON.parse(data)),
      onFrame: (data) => this.onFrame(JSON.parse(data)),
      onStatus: (status) => {
        this.status = status
        this.changed()
      }
    })
    this.retry = connection.retry
  }

  readonly load = async (id: number): Promise<Failure | undefined> => {
    const response = await fetch(`failures/${id}`).catch(() => undefined)
    return response?.ok === true ? response.json() : undefined
  }

  readonly loadHistory = async (): Promise<History | undefined> => {
    const response = await fetch("history").catch(() => undefined)
    return response?.ok === true ? parseHistory(new Uint8Array(await response.arrayBuffer())) : undefined
  }

  readonly togglePause = (): void => {
    this.isPaused = !this.isPaused
    if (!this.isPaused) {
      if (this.heldSnapshot !== undefined) this.store!.snapshot(this.heldSnapshot)
      const isComplete = this.held.every((frame) => this.store!.frame(frame))
      this.held = []
      this.heldSnapshot = undefined
      this.missed = 0
      if (!isComplete) this.retry()
    }
    this.changed()
  }

  readonly subscribe = (listener: () => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private onSnapshot(snapshot: Snapshot): void {
    this.lastAt = Date.now()
    if (this.isPaused && this.store !== undefined) {
      this.heldSnapshot = snapshot
      this.held = []
      // A program that has started again has fewer.
      this.missed = Math.max(0, done(snapshot.totals) - done(this.store.totals))
    } else {
      this.store ??= new Store()
      this.store.snapshot(snapshot)
    }
    this.changed()
  }

  private onFrame(frame: Frame): void {
    this.lastAt = Date.now()
    if (this.isPaused && this.store !== undefined) {
      if (this.held.length < MAX_PAUSED) this.held.push(frame)
      this.missed = Math.max(0, done(frame.totals) - done(this.store.totals))
    } else if (this.store?.frame(frame) === false) this.retry()
    this.changed()
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}
