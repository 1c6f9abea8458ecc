/**
 * The logger of a thread, which sends every log entry to the main thread, to be handled by the loggers there. An
 * entry is plain data: values that structured clone refuses, or strips of their class, are formatted here.
 */
import * as Cause from "effect/Cause"
import { format } from "effect/Formatter"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { wireSpan } from "../../encoding/span.ts"
import type { WireLog } from "../protocol/telemetry.ts"
import type { TelemetryBuffer } from "./telemetryBuffer.ts"

/** The Layer of a thread's only logger. */
export const layer = (telemetry: TelemetryBuffer): Layer.Layer<never> =>
  Logger.layer([
    Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
      const span = fiber.cache.span
      const log: WireLog = {
        level: logLevel === "All" || logLevel === "None" ? "Info" : logLevel,
        message: (Array.isArray(message) ? message : [message]).map(toPlain),
        cause: cause.reasons.length === 0 ? "" : Cause.pretty(cause),
        annotations: Object.fromEntries(
          Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(([key, value]) => [key, toPlain(value)])
        ),
        spans: fiber.getRef(References.CurrentLogSpans),
        span: span === undefined ? undefined : wireSpan(span)
      }
      telemetry.add(["log", log])
    })
  ])

/** A primitive value as it is, any other one formatted. */
export const toPlain = (value: unknown): unknown =>
  typeof value === "object" || typeof value === "function" || typeof value === "symbol" ? format(value) : value
