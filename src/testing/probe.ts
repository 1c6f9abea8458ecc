/**
 * The connection from the handlers of the laws to a test in the same memory.
 *
 * A handler in another thread or process has the default observer, so it must not depend on a report.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Receives the starts and ends of the handlers of the laws, in a test that shares their memory. The default observer
 * ignores them, and a `Hold` task runs until it is interrupted.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  readonly started: (task: string, id: number) => void
  readonly stopped: (task: string, id: number) => void
  readonly hold: (id: number) => Effect.Effect<void>
}

const mute: Observer = { started: () => {}, stopped: () => {}, hold: () => Effect.never }

/**
 * The observer of the handlers, read when their Layer is built.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const Probe: Context.Reference<Observer> = Context.Reference<Observer>("papyros/testing/Probe", {
  defaultValue: () => mute
})

/** Records the starts and ends of the handlers of one dispatcher. */
export class Recorder implements Observer {
  /** The number of running tasks. */
  running = 0
  /** The largest number of tasks that ran at once. */
  peak = 0
  /** Ids in the order of their starts. */
  starts: Array<number> = []
  /** Ids of the tasks whose handlers and finalizers have ended. */
  ends: Array<number> = []
  /** Ids of the tasks that started while an earlier attempt was still running. */
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

  /** Completes a `Hold` task, now or as soon as it starts. */
  release(id: number): void {
    this.open.add(id)
    this.waiting.get(id)?.()
    this.waiting.delete(id)
  }

  /** Completes every `Hold` task, now or as soon as it starts. */
  releaseAll(): void {
    this.all = true
    for (const go of this.waiting.values()) go()
    this.waiting.clear()
  }
}
