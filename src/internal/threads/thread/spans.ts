/**
 * Spans of a thread are made again in the main thread when they have ended, for its
 * tracer: with the same ids, since handlers may have told others of them.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { WireSpan } from "../protocol/messages.ts"
import { plain } from "./logs.ts"
import type { Telemetry } from "./telemetry.ts"

type Attributes = Readonly<Record<string, unknown>>

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

/** The Layer of a thread's tracer. */
export const layer = (telemetry: Telemetry): Layer.Layer<never> =>
  Layer.succeed(Tracer.Tracer)(Tracer.make({ span: (options) => new ThreadSpan(options, telemetry) }))

class ThreadSpan extends Tracer.NativeSpan {
  private readonly telemetry: Telemetry

  constructor(options: ConstructorParameters<typeof Tracer.NativeSpan>[0], telemetry: Telemetry) {
    super(options)
    this.telemetry = telemetry
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    if (!this.sampled) return
    const span: EndedSpan = {
      ...wireSpan(this),
      name: this.name,
      kind: this.kind,
      parent: Option.getOrUndefined(Option.map(this.parent, wireSpan)),
      startTime: this.startTime,
      endTime,
      attributes: attributesOf(this.attributes),
      events: this.events.map(([name, time, attributes]) => [name, time, attributesOf(Object.entries(attributes))]),
      links: this.links.map(({ attributes, span }) => [wireSpan(span), attributesOf(Object.entries(attributes))]),
      errors: exit._tag === "Success"
        ? undefined
        : Cause.hasInterruptsOnly(exit.cause)
        ? []
        : Cause.prettyErrors(exit.cause).map(({ message, name, stack }) => ({ name, message, stack: stack ?? "" }))
    }
    this.telemetry.add(["span", span])
  }
}

const attributesOf = (entries: Iterable<readonly [string, unknown]>): Attributes =>
  Object.fromEntries(Array.from(entries, ([key, value]) => [key, plain(value)]))

/** What others must know of a span to hang theirs below it. */
export const wireSpan = ({ sampled, spanId, traceId }: Tracer.AnySpan): WireSpan => ({ traceId, spanId, sampled })

/** Whether a tracer other than the default one, which keeps nothing, is in the context. */
export const isTraced = (context: Context.Context<never>): boolean =>
  Context.get(context, Tracer.Tracer) !== Context.get(Context.empty(), Tracer.Tracer)

/** Makes a span of a thread in the main thread. */
export const replay = (span: EndedSpan, context: Context.Context<never>): void => {
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
