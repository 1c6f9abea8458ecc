/**
 * What handlers in a thread do to their metrics is done again to the same metrics in
 * the main thread: how far counters moved, what gauges were set to, every
 * observation of a histogram or summary. Added up until it is sent, which is before
 * the outcomes of the tasks that did it.
 *
 * Not known of a summary are how many observations it keeps, and for how long:
 * where the main thread has none of its name it keeps 1,000 for 10 minutes.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { FromThread } from "../protocol/messages.ts"
import type { Series, SeriesUpdate } from "../protocol/telemetry.ts"

type Registered = Metric.MetricRegistry extends Map<string, infer M> ? M : never

/** Observations of one metric that wait to be sent; the oldest are dropped. */
const OBSERVATIONS = 1000

/** Adds up what happens to one series. */
class Recorder {
  private readonly index: number
  private readonly type: Metric.Metric.Type
  private series: Series | undefined
  private readonly incremental: boolean
  private times = new Map<unknown, number>()
  private observations: Array<unknown> = []
  private modified: number | bigint | undefined

  constructor(index: number, { attributes, description, hooks, id, type }: Registered) {
    const state = hooks.get(Context.empty())
    this.index = index
    this.type = type
    this.series = { id, type, description, attributes, state }
    this.incremental = type === "Counter" && (state as Metric.CounterState<number>).incremental
  }

  update(input: unknown): void {
    switch (this.type) {
      case "Counter":
        if (!this.incremental || (input as number | bigint) >= 0) this.modify(input)
        return
      case "Gauge":
        this.modified = undefined
        this.observations = [input]
        return
      case "Frequency":
        this.times.set(input, (this.times.get(input) ?? 0) + 1)
        return
      default:
        this.observations.push(input)
        if (this.observations.length > OBSERVATIONS) this.observations.shift()
    }
  }

  modify(input: unknown): void {
    if (this.type !== "Counter" && this.type !== "Gauge") return this.update(input)
    this.modified = this.modified === undefined ? input as number : (this.modified as number) + (input as number)
  }

  take(): SeriesUpdate {
    const { index, modified, series } = this
    const updates = [...this.times, ...this.observations.map((input) => [input, 1] as const)]
    this.series = undefined
    this.times = new Map()
    this.observations = []
    this.modified = undefined
    return { index, series, updates, modified }
  }
}

/** The metrics of a thread. */
export class Recording extends Map<string, Registered> {
  private readonly changed = new Set<Recorder>()
  private count = 0
  private readonly onChange: () => void

  /** `onChange` is called when there is something to send. */
  constructor(onChange: () => void) {
    super()
    this.onChange = onChange
  }

  /** The Layer of a thread's metrics. */
  get layer(): Layer.Layer<never> {
    return Layer.succeed(Metric.MetricRegistry)(this)
  }

  override set(key: string, metric: Registered): this {
    const { hooks } = metric
    const recorder = new Recorder(this.count++, metric)
    const recording: typeof hooks = {
      get: hooks.get,
      update: (input, context) => {
        hooks.update(input, context)
        recorder.update(input)
        this.note(recorder)
      },
      modify: (input, context) => {
        hooks.modify(input, context)
        recorder.modify(input)
        this.note(recorder)
      }
    }
    // In place: whoever registers it goes on with what it has in hand.
    return super.set(key, Object.assign(metric, { hooks: recording }))
  }

  private note(recorder: Recorder): void {
    this.changed.add(recorder)
    this.onChange()
  }

  /** Adds what has changed. */
  readonly collect = (add: (message: FromThread) => void): void => {
    if (this.changed.size === 0) return
    add(["metrics", Array.from(this.changed, (recorder) => recorder.take())])
    this.changed.clear()
  }
}
