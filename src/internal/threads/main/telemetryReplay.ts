/**
 * Replays the logs, spans and output of threads in the main thread, through the loggers, the tracer and the streams
 * of the dispatcher. A replayed span keeps its ids: handlers may have sent them to other services.
 */
import { platform } from "#platform"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { EndedSpan, Printed, WireLog } from "../protocol/telemetry.ts"

/** Logs a log entry of a thread. */
export const log = (entry: WireLog): Effect.Effect<void> => {
  const { annotations, cause, level, message, span, spans } = entry
  const logged = Effect.logWithLevel(level)(...message, ...(cause === "" ? [] : [cause])).pipe(
    Effect.annotateLogs(annotations),
    Effect.provideService(References.CurrentLogSpans, spans)
  )
  return span === undefined ? logged : Effect.withParentSpan(logged, Tracer.externalSpan(span))
}

/** Whether the context has a tracer other than the default one, which keeps no span. */
export const isTraced = (context: Context.Context<never>): boolean =>
  Context.get(context, Tracer.Tracer) !== Context.get(Context.empty(), Tracer.Tracer)

/** Makes and ends a span with the identity and the times of a thread's span. */
export const replaySpan = (span: EndedSpan, context: Context.Context<never>): void => {
  const replayed = Context.get(context, Tracer.Tracer).span({
    name: span.name,
    parent: Option.map(Option.fromNullishOr(span.parent), Tracer.externalSpan),
    annotations: Context.empty(),
    links: span.links.map(([span, attributes]) => ({ span: Tracer.externalSpan(span), attributes })),
    startTime: span.startTime,
    kind: span.kind,
    root: span.parent === undefined,
    sampled: span.sampled
  })
  Object.defineProperty(replayed, "traceId", { value: span.traceId })
  Object.defineProperty(replayed, "spanId", { value: span.spanId })
  for (const [key, value] of Object.entries(span.attributes)) replayed.attribute(key, value)
  for (const event of span.events) replayed.event(...event)
  replayed.end(span.endTime, exitOf(span))
}

const exitOf = ({ errors }: EndedSpan): Exit.Exit<unknown, unknown> => {
  if (errors === undefined) return Exit.void
  if (errors.length === 0) return Exit.failCause(Cause.interrupt())
  return Exit.failCause(Cause.fromReasons(errors.map((error) => Cause.makeFailReason(errorOf(error)))))
}

const errorOf = ({ message, name, stack }: NonNullable<EndedSpan["errors"]>[number]): Error => {
  const error = new Error(message)
  error.name = name
  error.stack = stack
  return error
}

/** Writes text to a stream of the process; calls `written` when the stream has accepted it. */
export const print = ({ text, to }: Printed, written: () => void): void => {
  platform.print(to, text, written)
}
