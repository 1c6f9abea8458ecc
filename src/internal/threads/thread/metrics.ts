/**
 * Records the updates of the metrics in a thread, to be applied to the same metrics in the main thread: the sum of a
 * counter, the last value of a gauge, every observation of a histogram or summary. Updates are accumulated until they
 * are sent, which is before the outcomes of the tasks that made them.
 *
 * A summary does not tell how many observations it keeps, and for how long. If the main thread has no summary of its
 * name, the one that is made there keeps 1,000 for 10 minutes.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { FromThread } from "../protocol/messages.ts"
import type { Series, SeriesUpdate } from "../protocol/telemetry.ts"

type Registered = Metric.MetricRegistry extends Map<string, infer M> ? M : never

/** Observations of one metric that wait to be sent; of more, the oldest are dropped. */
const MAX_OBSERVATIONS = 1000

/** Accumulates the updates of one series. */
class SeriesRecorder {
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
        if (this.observations.length > MAX_OBSERVATIONS) this.observations.shift()
    }
  }

  modify(input: unknown): void {
    if (this.type !== "Counter" && this.type !== "Gauge") return this.update(input)
    this.modified = this.modified === undefined ? input as number : (this.modified as number) + (input as number)
  }

  /** Takes the updates that wait. */
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

/** The registry of the metrics of a thread, which records the updates of each. */
export class MetricsRecorder extends Map<string, Registered> {
  private readonly changed = new Set<SeriesRecorder>()
  private count = 0
  private readonly onChange: () => void

  /** @param onChange called when there are updates to send */
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
    const recorder = new SeriesRecorder(this.count++, metric)
    const recordingHooks: typeof hooks = {
      get: hooks.get,
      update: (input, context) => {
        hooks.update(input, context)
        recorder.update(input)
        this.markChanged(recorder)
      },
      modify: (input, context) => {
        hooks.modify(input, context)
        recorder.modify(input)
        this.markChanged(recorder)
      }
    }
    // In place: the code that registers the metric goes on to use the same object.
    return super.set(key, Object.assign(metric, { hooks: recordingHooks }))
  }

  private markChanged(recorder: SeriesRecorder): void {
    this.changed.add(recorder)
    this.onChange()
  }

  /** Adds a message with the updates of all metrics that have changed. */
  readonly collect = (add: (message: FromThread) => void): void => {
    if (this.changed.size === 0) return
    add(["metrics", Array.from(this.changed, (recorder) => recorder.take())])
    this.changed.clear()
  }
}
