import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dashboard from "papyros/Dashboard"
import { loopTasks, metricsOf } from "../../benchmark/dashboard/browser.ts"
import { run, waiting } from "../../benchmark/dashboard/load.ts"
import { Chromium, isAvailable, open } from "../support/browser/chromium.ts"
import { isChaos } from "../support/effort.ts"

const MINUTES = 5

/** After so many minutes, the page has all segments that it keeps. */
const FILLED = 3

const MEGABYTES = 60e6

describe.skipIf(!isAvailable || !isChaos)(
  "Dashboard at 10,000 tasks a second on 64 workers",
  () =>
    layer(Chromium.layer, { excludeTestServices: true })((it) => {
      it.effect("has a page whose heap is small, and does not grow once it has all segments that it keeps", () =>
        Effect.gen(function*() {
          const context = yield* Layer.build(Dashboard.layer({ port: 0 }).pipe(Layer.provideMerge(waiting)))
          const load = yield* Effect.provideContext(run, context)
          const { page, problems } = yield* open(Context.get(context, Dashboard.Dashboard).url)
          const metrics = yield* metricsOf(page)
          const heaps: Array<number> = []
          for (let minute = 1; minute <= MINUTES; minute++) {
            yield* Effect.sleep("1 minute")
            heaps.push((yield* metrics).heap)
          }
          const text = `heap by minute, in MB: ${
            heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(", ")
          }`
          yield* Effect.log(text)
          // A machine that is busy runs fewer.
          assert.isAbove(load.started(), MINUTES * 60 * 2000)
          assert.isBelow(Math.max(...heaps), MEGABYTES, text)
          assert.isBelow(heaps.at(-1)!, 1.2 * heaps[FILLED - 1], text)
          // The page still follows.
          const tasks = yield* loopTasks(yield* Chromium, page, Effect.sleep("5 seconds"))
          assert.isNotEmpty(tasks)
          assert.deepStrictEqual(problems, [])
        }), (MINUTES + 2) * 60_000)
    })
)
