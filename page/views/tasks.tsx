/** The table of the types of task, and their charts. */
import { bucketMicros } from "../../src/internal/scheduler/runTimeBuckets.ts"
import { colourOf } from "../charts/canvas.ts"
import { drawRunTimes, type RunTimes } from "../charts/runTimes.ts"
import { drawThroughput, type Throughput } from "../charts/throughput.ts"
import { count, line, percent, short, span } from "../format.ts"
import { Chart, Dot, Empty, Meter, Panel, Table } from "../parts.tsx"
import type { Store, TypeSummary } from "../store.ts"
import { matches, type ViewProps } from "./context.ts"

/** Where a bucket begins, in milliseconds. */
const bucketStart = (bucket: number): number => bucketMicros(bucket) / 1000

/** The percentiles of the run times of all types together. */
export const percentiles = (
  types: ReadonlyArray<TypeSummary>
): { readonly p50?: number; readonly p95?: number; readonly p99?: number } => {
  const counts: Array<number> = []
  let total = 0
  for (const { runs } of types) {
    runs.counts.forEach((n, i) => {
      counts[runs.from + i] = (counts[runs.from + i] ?? 0) + n
      total += n
    })
  }
  if (total === 0) return {}
  const at = (share: number): number => {
    let left = share * total
    for (let bucket = 0; bucket < counts.length; bucket++) {
      left -= counts[bucket] ?? 0
      if (left <= 0) return (bucketStart(bucket) + bucketStart(bucket + 1)) / 2
    }
    return bucketStart(counts.length)
  }
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** Buckets of the chart: four a decade. */
const FACTOR = 10 ** 0.25
const FIRST = 1e-4

const runTimesOf = (types: ReadonlyArray<TypeSummary>): RunTimes => {
  const { p50, p95 } = percentiles(types)
  return {
    first: FIRST,
    factor: FACTOR,
    types: types.map(({ id, runs }) => {
      const counts: Array<number> = []
      runs.counts.forEach((n, i) => {
        const middle = Math.sqrt(bucketStart(runs.from + i) * bucketStart(runs.from + i + 1))
        const at = Math.max(0, Math.floor(Math.log(Math.max(middle, FIRST) / FIRST) / Math.log(FACTOR)))
        counts[at] = (counts[at] ?? 0) + n
      })
      return { type: id, counts: Array.from(counts, (n) => n ?? 0) }
    }),
    marks: p50 === undefined ? [] : [{ name: "p50", ms: p50 }, { name: "p95", ms: p95! }]
  }
}

export const RunTimesChart = (
  { store, theme, types = store.types }: Pick<ViewProps, "store" | "theme"> & {
    readonly types?: ReadonlyArray<TypeSummary>
  }
) => {
  const data = runTimesOf(types)
  const marks = data.marks.map(({ ms, name }) => `${name} ${span(ms)}`).join(", ")
  return (
    <Panel title="Run time" note="tasks, log scale">
      <Chart
        class="chart"
        theme={theme}
        label={marks === "" ? "Run times: no task has ended" : `Distribution of run times: ${marks}`}
        draw={(canvas) => drawRunTimes(canvas, data)}
      />
    </Panel>
  )
}

const SECONDS = 60
/** Columns of the chart of a whole run, none of which is shorter than a second. */
const MOST_COLUMNS = 120

const wholeRunOf = ({ now, series }: Store): Throughput => {
  const size = Math.max(1, Math.ceil(1000 / series.width), Math.ceil(series.succeeded.length / MOST_COLUMNS))
  const sums = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
    Array.from(
      { length: Math.ceil(values.length / size) },
      (_, i) => values.slice(i * size, (i + 1) * size).reduce((sum, n) => sum + n, 0)
    )
  const width = size * series.width
  return {
    width,
    succeeded: sums(series.succeeded),
    failed: sums(series.failed),
    isPartial: now % width > 0,
    direction: "on"
  }
}

export const ThroughputChart = ({ isReport, store, theme }: Pick<ViewProps, "isReport" | "store" | "theme">) => (
  <Panel title="Throughput" note="tasks/s">
    <Chart
      class="chart"
      theme={theme}
      label={isReport ? "Tasks per second over the run" : "Tasks per second over the last minute"}
      draw={(canvas) =>
        drawThroughput(
          canvas,
          isReport
            ? wholeRunOf(store)
            : { ...store.throughput(SECONDS), width: 1000, isPartial: true, direction: "back" }
        )}
    />
  </Panel>
)

const duration = (ms: number | null): string => ms === null ? "–" : span(ms)

export const TaskTable = (
  { filter, isReport, isWide = false, store }: Pick<ViewProps, "filter" | "isReport" | "store"> & {
    readonly isWide?: boolean
  }
) => {
  const { recent } = store
  const known = store.types.filter((type) => type !== undefined)
  const types = known.filter(({ name }) => matches(filter, name))
  const busyOf = ({ busy, id }: TypeSummary): number => isReport ? busy : recent.typeBusy(id)
  const all = Math.max(1e-9, known.reduce((sum, type) => sum + busyOf(type), 0))
  const length = isReport ? Math.max(1, store.now) : recent.length
  const wide = isWide ? "n hide-small" : "n hide"
  return (
    <Panel title="Tasks by type" note={types.length < known.length ? `${types.length} of ${known.length}` : undefined}>
      {known.length === 0 ? <Empty>No task has started.</Empty> : (
        <Table
          label="Tasks by type"
          columns={[
            ["Task"],
            ["done", "n"],
            ["failed", "n"],
            ["retried", wide],
            ["tasks/s", "n"],
            ["p50", "n"],
            ["p95", "n"],
            ["p99", wide],
            ["chunk", "n hide-small"],
            ["busy time", "hide-small"]
          ]}
        >
              {types.map((type) => (
                <tr key={type.id}>
                  <td><Dot type={type.id} />{line(type.name)}</td>
                  <td class="n">{count(type.succeeded)}</td>
                  <td class={type.failed > 0 ? "n badc" : "n mut"}>{count(type.failed)}</td>
                  <td class={wide}>{count(type.retried)}</td>
                  <td class="n">{short((isReport ? type.succeeded + type.failed : recent.typeDone(type.id)) / length * 1000)}</td>
                  <td class="n">{duration(type.p50)}</td>
                  <td class="n">{duration(type.p95)}</td>
                  <td class={wide}>{duration(type.p99)}</td>
                  <td class="n hide-small">{type.chunk === null ? "–" : short(type.chunk)}</td>
                  <td class="hide-small">
                    <Meter small share={busyOf(type) / all} colour={`var(--c${colourOf(type.id)})`} />
                    {percent(busyOf(type) / all)}
                  </td>
                </tr>
              ))}
        </Table>
      )}
    </Panel>
  )
}

export const Tasks = (props: ViewProps) => {
  const types = props.store.types.filter((type: Store["types"][number]) => matches(props.filter, type.name))
  return (
    <>
      <TaskTable {...props} isWide />
      <div class="cols2">
        <ThroughputChart {...props} />
        <RunTimesChart {...props} types={types} />
      </div>
    </>
  )
}
