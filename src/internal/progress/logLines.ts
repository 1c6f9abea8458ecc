/**
 * Logs the progress of a stream where there is no terminal: after 5, 15, 30 and 60 seconds, then every minute, and at
 * its end.
 *
 * Must stay true: a stream that ends before its first line logs nothing, so that short streams do not fill a log.
 * Progress never goes to stdout, which may carry results.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { sanitizeForLog } from "../sanitize.ts"
import type { Progress } from "./counts.ts"
import { Estimate } from "./estimate.ts"
import { now } from "./renderer.ts"
import { duration, rate, textsOf } from "./text.ts"

/** The times of the first lines, in seconds, and the time between those that follow. */
const FIRST = [5, 15, 30, 60]
const EVERY = 60

/** Logs the progress of a stream until the scope closes. */
export const logLines = (counts: Progress): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const estimate = new Estimate(yield* now)
    const label = sanitizeForLog(counts.label)
    const log = (parts: ReadonlyArray<string | undefined>) => {
      const text = parts.filter((part) => part !== undefined).join(", ")
      const { done, failed, total } = counts
      return Effect.logInfo(label === "" ? text : `${label}: ${text}`).pipe(
        Effect.annotateLogs({ done, failed, ...(total === undefined ? undefined : { total }) }),
        Effect.provideService(Logger.LogToStderr, true)
      )
    }
    const logged = (parts: (millis: number) => ReadonlyArray<string | undefined>) =>
      Effect.flatMap(now, (now) => {
        estimate.sample(counts.done, now)
        return log(parts(now - estimate.startedAt))
      })
    const line = logged(() => {
      const { counts: done, failed, percent, rate, time } = textsOf(counts, estimate)
      return [percent, done, rate, time, failed]
    })
    // The rate of the whole stream, not of its last seconds.
    const last = logged((millis) => {
      const { counts: done, failed } = textsOf(counts, estimate)
      return [`ended after ${duration(millis)}`, done, rate(counts.done / millis * 1000), failed]
    })

    let lines = 0
    const lines$ = Effect.suspend(() => {
      const before = FIRST[lines - 1] ?? 0
      const wait = lines < FIRST.length ? FIRST[lines] - before : EVERY
      return Effect.andThen(
        Effect.sleep(wait * 1000),
        Effect.suspend(() => {
          lines++
          return line
        })
      )
    })
    yield* Effect.addFinalizer(() => Effect.suspend(() => lines === 0 ? Effect.void : last))
    yield* Effect.forkScoped(Effect.forever(lines$))
  })
