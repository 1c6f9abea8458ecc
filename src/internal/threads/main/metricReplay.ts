/**
 * Applies the metric updates of one thread to the same metrics of the main thread. Series are numbered by the thread,
 * so every thread has a replay of its own.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { Series, SeriesUpdate } from "../protocol/telemetry.ts"

export class MetricReplay {
  private readonly metrics: Array<Metric.Metric<never, unknown>> = []
  private readonly context: Context.Context<never>

  constructor(context: Context.Context<never>) {
    this.context = context
  }

  /** Applies the updates of one metric of the thread. */
  readonly apply = ({ index, modified, series, updates }: SeriesUpdate): void => {
    if (series !== undefined) this.metrics[index] = metricOf(series)
    const metric = this.metrics[index]
    for (const [input, times] of updates) {
      for (let i = 0; i < times; i++) metric.updateUnsafe(input as never, this.context)
    }
    if (modified !== undefined) metric.modifyUnsafe(modified as never, this.context)
  }
}

/** The metric of a series: the options that it was constructed with are read from its state. */
const metricOf = ({ attributes, description, id, state, type }: Series): Metric.Metric<never, unknown> => {
  const options = { description, attributes }
  switch (type) {
    case "Counter": {
      const { count, incremental } = state as Metric.CounterState<number | bigint>
      return typeof count === "bigint"
        ? Metric.counter(id, { ...options, incremental, bigint: true })
        : Metric.counter(id, { ...options, incremental })
    }
    case "Gauge": {
      const { value } = state as Metric.GaugeState<number | bigint>
      return typeof value === "bigint" ? Metric.gauge(id, { ...options, bigint: true }) : Metric.gauge(id, options)
    }
    case "Frequency": {
      const { occurrences } = state as Metric.FrequencyState
      return Metric.frequency(id, { ...options, preregisteredWords: Array.from(occurrences.keys()) })
    }
    case "Histogram": {
      const { buckets } = state as Metric.HistogramState
      return Metric.histogram(id, { ...options, boundaries: buckets.map(([boundary]) => boundary) })
    }
    case "Summary": {
      const quantiles = (state as Metric.SummaryState).quantiles.map(([quantile]) => quantile)
      return Metric.summaryWithTimestamp(id, { ...options, quantiles, maxAge: "10 minutes", maxSize: 1000 })
    }
  }
}
