/**
 * Registers the metrics of a dispatcher: the counts that its scheduler has, under the name of the dispatcher.
 *
 * Must stay true: two open dispatchers of one registry never share a name.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { Scheduler } from "../scheduler/scheduler.ts"
import * as Metrics from "./definitions.ts"
import { type Attributes, SeriesOfName } from "./series.ts"

type Registry = Context.Service.Shape<typeof Metric.MetricRegistry>

/** The series of each registry, by the name of the dispatcher and the attributes of its context. */
const registries = new WeakMap<Registry, Map<string, SeriesOfName>>()

/** The attributes that the metrics have themselves. */
const OWN = new Set(["dispatcher", "task", "outcome", "cause", "worker"])

/** The series of a name, or of the name with the first number for which no dispatcher is open: `pool`, then `pool-2`. */
const acquire = (name: string, registry: Registry, given: Attributes): SeriesOfName => {
  // In the order of their names, as the registry compares them. An own attribute replaces one of the context.
  const attributes = Object.fromEntries(Object.entries(given).filter(([name]) => !OWN.has(name)).toSorted())
  const known = registries.get(registry) ?? new Map<string, SeriesOfName>()
  registries.set(registry, known)
  for (let n = 1;; n++) {
    const numbered = n === 1 ? name : `${name}-${n}`
    const key = JSON.stringify([numbered, attributes])
    const series = known.get(key) ?? new SeriesOfName(
      numbered,
      // Not the context of the dispatcher, whose services end with it.
      Context.make(Metric.MetricRegistry, registry).pipe(Context.add(Metric.CurrentMetricAttributes, attributes))
    )
    if (series.open) continue
    series.open = true
    known.set(key, series)
    return series
  }
}

/** Registers the metrics of a scheduler, in the registry of the context, until the scope closes. */
export const register = (scheduler: Scheduler, name: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const series = acquire(name, yield* Metric.MetricRegistry, yield* Metric.CurrentMetricAttributes)
    scheduler.dispatcherName = series.dispatcher
    yield* Effect.addFinalizer(() => Effect.sync(() => series.close()))
    const { statistics } = scheduler
    statistics.listen({
      task: (counts) => {
        const attributes = { task: counts.name }
        // The count falls when a worker gives tasks back. A counter must not fall.
        let started = 0
        series.counter(Metrics.started, attributes, () => started = Math.max(started, counts.started))
        series.counter(Metrics.retried, attributes, () => counts.retried)
        series.counter(Metrics.restarted, attributes, () => counts.restarted)
        series.counter(Metrics.cancelled, attributes, () => counts.cancelled)
        series.counter(Metrics.completed, { ...attributes, outcome: "success" }, () => counts.succeeded)
        series.histogram(Metrics.runSeconds, attributes, counts.runTimes)
      },
      reason: (counts, reason) =>
        series.counter(Metrics.completed, { task: counts.name, outcome: reason }, () => counts.failed.get(reason) ?? 0),
      worker: (counts) => series.counter(Metrics.workerBusySeconds, { worker: counts.name }, () => counts.busy / 1e6),
      loss: (cause) => series.counter(Metrics.workersLost, { cause }, () => statistics.lost.get(cause) ?? 0),
      replacement: (cause) =>
        series.counter(Metrics.workersReplaced, { cause }, () => statistics.replaced.get(cause) ?? 0)
    })
    series.histogram(Metrics.chunkTasks, {}, statistics.chunkTasks)
    series.histogram(Metrics.chunkOverheadSeconds, {}, statistics.chunkOverheads)
    series.histogram(Metrics.waitSeconds, {}, statistics.waits)
    series.counter(Metrics.sentBytes, {}, () => statistics.traffic.sent)
    series.counter(Metrics.receivedBytes, {}, () => statistics.traffic.received)
    series.gauge(Metrics.waiting, () => scheduler.status.waiting)
    series.gauge(Metrics.running, () => scheduler.status.running)
    series.gauge(Metrics.executions, () => scheduler.status.executions)
    series.gauge(Metrics.resultsReady, () => scheduler.resultsReady)
    series.gauge(Metrics.workers, () => scheduler.status.workers.length)
    series.gauge(Metrics.slots, () => scheduler.slots())
  })
