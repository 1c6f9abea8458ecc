/** Log entries of a thread go to the main thread, whose loggers decide what becomes of them. */
import * as Cause from "effect/Cause"
import { format } from "effect/Formatter"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { WireLog } from "../protocol/telemetry.ts"
import type { Telemetry } from "./telemetry.ts"

/** The Layer of a thread's only logger. */
export const layer = (telemetry: Telemetry): Layer.Layer<never> =>
  Logger.layer([
    Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
      const span = fiber.cache.span
      const log: WireLog = {
        level: logLevel === "All" || logLevel === "None" ? "Info" : logLevel,
        message: (Array.isArray(message) ? message : [message]).map(plain),
        cause: cause.reasons.length === 0 ? "" : Cause.pretty(cause),
        annotations: Object.fromEntries(
          Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(([key, value]) => [key, plain(value)])
        ),
        spans: fiber.getRef(References.CurrentLogSpans),
        span: span === undefined
          ? undefined
          : { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }
      }
      telemetry.add(["log", log])
    })
  ])

/** What structured clone would refuse, or strip of its class, is sent as it prints. */
export const plain = (value: unknown): unknown =>
  typeof value === "object" || typeof value === "function" || typeof value === "symbol" ? format(value) : value
