import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * What the handlers of the laws tell a test that shares their memory. Elsewhere
 * it is mute, and a `Hold` runs until it is interrupted.
 */
export interface Observer {
  readonly started: (task: string, id: number) => void
  readonly stopped: (task: string, id: number) => void
  readonly hold: (id: number) => Effect.Effect<void>
}

const mute: Observer = { started: () => {}, stopped: () => {}, hold: () => Effect.never }

/** The observer of the handlers, taken from where their Layer is built. */
export const Probe: Context.Reference<Observer> = Context.Reference<Observer>("papyros/testing/Probe", {
  defaultValue: () => mute
})

/** Records what the handlers of one dispatcher tell. */
export class Recorder implements Observer {
  /** Tasks that run. */
  running = 0
  /** The most that ran at once. */
  peak = 0
  /** Ids in the order of their starts. */
  starts: Array<number> = []
  /** Ids whose handlers, finalizers included, have ended. */
  ends: Array<number> = []
  /** Ids that started while an attempt before had not ended. */
  overlaps: Array<number> = []
  /** Called at every start. */
  onStart: (() => void) | undefined
  private active = new Set<number>()
  private waiting = new Map<number, () => void>()
  private open = new Set<number>()
  private all = false

  reset(): void {
    this.running = 0
    this.peak = 0
    this.starts = []
    this.ends = []
    this.overlaps = []
    this.active = new Set()
    this.onStart = undefined
    this.waiting = new Map()
    this.open = new Set()
    this.all = false
  }

  started(_task: string, id: number): void {
    this.running++
    this.peak = Math.max(this.peak, this.running)
    this.starts.push(id)
    if (this.active.has(id)) this.overlaps.push(id)
    this.active.add(id)
    this.onStart?.()
  }

  stopped(_task: string, id: number): void {
    this.running--
    this.ends.push(id)
    this.active.delete(id)
  }

  hold(id: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.all || this.open.has(id)) return resume(Effect.void)
      this.waiting.set(id, () => resume(Effect.void))
      return Effect.sync(() => this.waiting.delete(id))
    })
  }

  /** Lets a `Hold` go, now or when it starts. */
  release(id: number): void {
    this.open.add(id)
    this.waiting.get(id)?.()
    this.waiting.delete(id)
  }

  /** Lets every `Hold` go. */
  releaseAll(): void {
    this.all = true
    for (const go of this.waiting.values()) go()
    this.waiting.clear()
  }
}
