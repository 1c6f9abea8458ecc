/** A span as it crosses a boundary: enough of it that spans on the other side become its children. */
import type * as Tracer from "effect/Tracer"

/** Which span it is. */
export interface WireSpan {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** What others must know of a span to hang theirs below it. */
export const wireSpan = ({ sampled, spanId, traceId }: Tracer.AnySpan): WireSpan => ({ traceId, spanId, sampled })
