/** The telemetry of a thread as it is sent to the main thread: log entries, ended spans, printed text and metric updates. */
import type { Severity } from "effect/LogLevel"
import type * as Metric from "effect/Metric"
import type * as Tracer from "effect/Tracer"
import type { WireSpan } from "../../encoding/span.ts"

export type TelemetryRecord =
  | readonly [tag: "log", log: WireLog]
  | readonly [tag: "span", span: EndedSpan]
  | readonly [tag: "print", printed: Printed]

export interface WireLog {
  readonly level: Severity
  readonly message: ReadonlyArray<unknown>
  readonly cause: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly spans: ReadonlyArray<readonly [label: string, start: number]>
  readonly span: WireSpan | undefined
}

export type Attributes = Readonly<Record<string, unknown>>

export interface EndedSpan extends WireSpan {
  readonly name: string
  readonly kind: Tracer.SpanKind
  readonly parent: WireSpan | undefined
  readonly startTime: bigint
  readonly endTime: bigint
  readonly attributes: Attributes
  readonly events: ReadonlyArray<readonly [name: string, startTime: bigint, attributes: Attributes]>
  readonly links: ReadonlyArray<readonly [span: WireSpan, attributes: Attributes]>
  /** Why it failed; none where it was only interrupted. */
  readonly errors:
    | ReadonlyArray<{ readonly name: string; readonly message: string; readonly stack: string }>
    | undefined
}

export interface Printed {
  readonly to: "stdout" | "stderr"
  readonly text: string
}

/** Which metric it is. */
export interface Series {
  readonly id: string
  readonly type: Metric.Metric.Type
  readonly description: string | undefined
  readonly attributes: Metric.Metric.AttributeSet | undefined
  /** What it was before it first changed. */
  readonly state: unknown
}

/** What became of a metric since it was last said. */
export interface SeriesUpdate {
  /** The number of the series in its thread. */
  readonly index: number
  /** With its first update. */
  readonly series: Series | undefined
  readonly updates: ReadonlyArray<readonly [input: unknown, times: number]>
  /** By how much a gauge was changed after the updates. */
  readonly modified: number | bigint | undefined
}
