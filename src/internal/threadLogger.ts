/** Log entries of a thread go to the main thread, whose loggers decide what becomes of them. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { format } from "effect/Formatter"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { Claims, FromThread, Outbox, WireLog } from "./wire.ts"

/** The Layer of a thread's only logger. Bounded: what is too much is dropped and counted. */
export const layer = (claims: Claims, outbox: Outbox<FromThread>): Layer.Layer<never> => {
  let dropped = 0
  return Logger.layer([
    Logger.make<unknown, void>(({ cause, date, fiber, logLevel, message }) => {
      if (!claims.openLog()) {
        dropped++
        return
      }
      const parts = Array.isArray(message) ? message : [message]
      outbox.add(["log", {
        level: logLevel === "All" || logLevel === "None" ? "Info" : logLevel,
        message: parts.map(plain),
        cause: cause.reasons.length === 0 ? "" : Cause.pretty(cause),
        annotations: Object.fromEntries(
          Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(([key, value]) => [key, plain(value)])
        ),
        spans: fiber.getRef(References.CurrentLogSpans),
        time: date.getTime(),
        dropped
      }])
      outbox.send()
      dropped = 0
    })
  ])
}

/** What structured clone would refuse, or strip of its class, is sent as it prints. */
const plain = (value: unknown): unknown =>
  typeof value === "object" || typeof value === "function" || typeof value === "symbol" ? format(value) : value

/** Logs an entry of a thread in the main thread. */
export const log = (entry: WireLog): Effect.Effect<void> => {
  const lost = entry.dropped === 0
    ? Effect.void
    : Effect.logWarning(`${entry.dropped} log entries of a worker were dropped`)
  const message = entry.cause === "" ? entry.message : [...entry.message, entry.cause]
  return Effect.andThen(
    lost,
    Effect.logWithLevel(entry.level)(...message).pipe(Effect.annotateLogs(entry.annotations))
  )
}
