/** Replays the telemetry of threads in the main thread, to the loggers, the tracer, the output and the metrics of the dispatcher. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { EndedSpan, Printed, Series, SeriesUpdate, WireLog } from "../protocol/telemetry.ts"

/** Logs an entry of a thread in the main thread. */
export const log = (entry: WireLog): Effect.Effect<void> => {
  const { annotations, cause, level, message, span, spans } = entry
  const logged = Effect.logWithLevel(level)(...message, ...(cause === "" ? [] : [cause])).pipe(
    Effect.annotateLogs(annotations),
    Effect.provideService(References.CurrentLogSpans, spans)
  )
  return span === undefined ? logged : Effect.withParentSpan(logged, Tracer.externalSpan(span))
}

/** Whether a tracer other than the default one, which keeps nothing, is in the context. */
export const isTraced = (context: Context.Context<never>): boolean =>
  Context.get(context, Tracer.Tracer) !== Context.get(Context.empty(), Tracer.Tracer)

/** Makes a span of a thread in the main thread. */
export const replaySpan = (span: EndedSpan, context: Context.Context<never>): void => {
  const made = Context.get(context, Tracer.Tracer).span({
    name: span.name,
    parent: Option.map(Option.fromNullishOr(span.parent), Tracer.externalSpan),
    annotations: Context.empty(),
    links: span.links.map(([span, attributes]) => ({ span: Tracer.externalSpan(span), attributes })),
    startTime: span.startTime,
    kind: span.kind,
    root: span.parent === undefined,
    sampled: span.sampled
  })
  Object.defineProperty(made, "traceId", { value: span.traceId })
  Object.defineProperty(made, "spanId", { value: span.spanId })
  for (const [key, value] of Object.entries(span.attributes)) made.attribute(key, value)
  for (const event of span.events) made.event(...event)
  made.end(span.endTime, exitOf(span))
}

const exitOf = ({ errors }: EndedSpan): Exit.Exit<unknown, unknown> => {
  if (errors === undefined) return Exit.void
  if (errors.length === 0) return Exit.failCause(Cause.interrupt())
  return Exit.failCause(Cause.fromReasons(errors.map((error) => Cause.makeFailReason(errorOf(error)))))
}

const errorOf = ({ message, name, stack }: NonNullable<EndedSpan["errors"]>[number]): Error => {
  // As much of the main thread's stack as will be replaced would be captured for nothing.
  const error = new Error(message)
  error.name = name
  error.stack = stack
  return error
}

/** Writes it to the streams of the process; `written` is called when they have taken it. */
export const print = ({ text, to }: Printed, written: () => void): void => {
  process[to].write(text, written)
}

/** Does to the metrics of the main thread what one thread did to its own. */
export class MetricReplay {
  private readonly metrics: Array<Metric.Metric<never, unknown>> = []
  private readonly context: Context.Context<never>

  constructor(context: Context.Context<never>) {
    this.context = context
  }

  readonly apply = ({ index, modified, series, updates }: SeriesUpdate): void => {
    if (series !== undefined) this.metrics[index] = metricOf(series)
    const metric = this.metrics[index]
    for (const [input, times] of updates) {
      for (let i = 0; i < times; i++) metric.updateUnsafe(input as never, this.context)
    }
    if (modified !== undefined) metric.modifyUnsafe(modified as never, this.context)
  }
}

/** The same metric: what it was constructed with is found in its state. */
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
