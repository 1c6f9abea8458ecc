/**
 * The tracer of a thread, which sends every sampled span to the main thread when the span has ended. The tracer there
 * makes it again with the same ids, since handlers may have sent the ids to other services.
 */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { wireSpan } from "../../encoding/span.ts"
import type { Attributes, EndedSpan } from "../protocol/telemetry.ts"
import { toPlain } from "./logs.ts"
import type { TelemetryBuffer } from "./telemetryBuffer.ts"

/** The Layer of a thread's tracer. */
export const layer = (telemetry: TelemetryBuffer): Layer.Layer<never> =>
  Layer.succeed(Tracer.Tracer)(Tracer.make({ span: (options) => new ThreadSpan(options, telemetry) }))

class ThreadSpan extends Tracer.NativeSpan {
  private readonly telemetry: TelemetryBuffer

  constructor(options: ConstructorParameters<typeof Tracer.NativeSpan>[0], telemetry: TelemetryBuffer) {
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
  Object.fromEntries(Array.from(entries, ([key, value]) => [key, toPlain(value)]))
