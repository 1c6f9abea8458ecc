/**
 * Series of metrics that are read when somebody exports, and that outlive their dispatcher: an exporter exports for the
 * last time after the dispatcher has closed.
 *
 * Must stay true: the value of a counter or histogram never falls. The counts of a dispatcher stay when it closes,
 * and the next dispatcher of the name counts on from there.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { Distribution } from "../scheduler/distribution.ts"

export type Attributes = Readonly<Record<string, string>>

const constVoid = () => {}

/** A counter of one dispatcher after the other. */
class CounterSeries {
  private closed = 0
  private current: () => number = () => 0

  open(read: () => number): void {
    this.current = read
  }

  get value(): number {
    return this.closed + this.current()
  }

  /** Adds the value of the dispatcher to that of earlier ones. */
  close(): void {
    this.closed = this.value
    this.current = () => 0
  }
}

/** The sum of distributions with the same boundaries. */
class Sum implements Distribution {
  readonly boundaries: ReadonlyArray<number>
  readonly counts: Float64Array
  count = 0
  sum = 0
  min = Infinity
  max = -Infinity

  constructor(boundaries: ReadonlyArray<number>) {
    this.boundaries = boundaries
    this.counts = new Float64Array(boundaries.length + 1)
  }

  add({ count, counts, max, min, sum }: Distribution): void {
    for (let i = 0; i < counts.length; i++) this.counts[i] += counts[i]
    this.count += count
    this.sum += sum
    this.min = Math.min(this.min, min)
    this.max = Math.max(this.max, max)
  }
}

/** A histogram of one dispatcher after the other. */
class HistogramSeries {
  private readonly closed: Sum
  private current: Distribution | undefined

  constructor(boundaries: ReadonlyArray<number>) {
    this.closed = new Sum(boundaries)
  }

  open(distribution: Distribution): void {
    this.current = distribution
  }

  get value(): Metric.HistogramState {
    const all = new Sum(this.closed.boundaries)
    all.add(this.closed)
    if (this.current !== undefined) all.add(this.current)
    let below = 0
    const buckets = all.boundaries.map((boundary, i): [number, number] => [boundary, below += all.counts[i]])
    return { buckets, count: all.count, sum: all.sum, min: all.min, max: all.max }
  }

  close(): void {
    if (this.current !== undefined) this.closed.add(this.current)
    this.current = undefined
  }
}

/** The series of the dispatchers of one name, in one registry. */
export class SeriesOfName {
  /** A dispatcher has the name. */
  open = false
  private readonly counters = new Map<string, CounterSeries>()
  private readonly histograms = new Map<string, HistogramSeries>()
  private gauges: Array<Metric.Registration> = []
  private readonly context: Context.Context<never>
  readonly dispatcher: string

  constructor(dispatcher: string, context: Context.Context<never>) {
    this.dispatcher = dispatcher
    this.context = context
  }

  counter(metric: Metric.Counter<number>, attributes: Attributes, read: () => number): void {
    const key = keyOf(metric, attributes)
    const series = this.counters.get(key) ?? new CounterSeries()
    series.open(read)
    this.counters.set(key, series)
    this.register(metric, attributes, () => ({ count: series.value, incremental: true }))
  }

  histogram(metric: Metric.Histogram<number>, attributes: Attributes, distribution: Distribution): void {
    const key = keyOf(metric, attributes)
    const series = this.histograms.get(key) ?? new HistogramSeries(distribution.boundaries)
    series.open(distribution)
    this.histograms.set(key, series)
    this.register(metric, attributes, () => series.value)
  }

  gauge(metric: Metric.Gauge<number>, read: () => number): void {
    this.gauges.push(this.register(metric, {}, () => ({ value: read() })))
  }

  close(): void {
    for (const series of this.counters.values()) series.close()
    for (const series of this.histograms.values()) series.close()
    for (const gauge of this.gauges) gauge.remove()
    this.gauges = []
    this.open = false
  }

  /** Also each time that a dispatcher opens: the program may have removed the series, or emptied the registry. */
  private register<Input, State>(
    metric: Metric.Metric<Input, State>,
    attributes: Attributes,
    get: () => State
  ): Metric.Registration {
    const series = Metric.withAttributes(metric, { dispatcher: this.dispatcher, ...attributes })
    return Metric.registerUnsafe(series, this.context, { get, update: constVoid, modify: constVoid })
  }
}

const keyOf = ({ id }: Metric.Metric<never, unknown>, attributes: Attributes): string =>
  JSON.stringify([id, ...Object.values(attributes)])
