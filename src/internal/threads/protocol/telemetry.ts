/**
 * The telemetry of a thread as it is sent to the main thread: log entries, ended spans, printed text and metric
 * updates. All of it must be data that structured clone carries.
 */
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
  /** The errors of a span that failed, empty if it was only interrupted; absent if it succeeded. */
  readonly errors:
    | ReadonlyArray<{ readonly name: string; readonly message: string; readonly stack: string }>
    | undefined
}

/** Text that a thread wrote to an output stream. */
export interface Printed {
  readonly to: "stdout" | "stderr"
  readonly text: string
}

/** The identity of a metric. */
export interface Series {
  readonly id: string
  readonly type: Metric.Metric.Type
  readonly description: string | undefined
  readonly attributes: Metric.Metric.AttributeSet | undefined
  /** Its state before the first update. */
  readonly state: unknown
}

/** The changes of a metric since its last update was sent. */
export interface SeriesUpdate {
  /** The number of the series in its thread. */
  readonly index: number
  /** Present in the first update of the series. */
  readonly series: Series | undefined
  readonly updates: ReadonlyArray<readonly [input: unknown, times: number]>
  /** The amount by which a counter or gauge was changed after the updates. */
  readonly modified: number | bigint | undefined
}
