/**
 * A span as it crosses a boundary. It holds just enough for spans on the other side to become children of
 * the same span.
 */
import type * as Tracer from "effect/Tracer"

/** The identity of a span. */
export interface WireSpan {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** The identity of a span, copied out of the live one. */
export const wireSpan = ({ sampled, spanId, traceId }: Tracer.AnySpan): WireSpan => ({ traceId, spanId, sampled })
