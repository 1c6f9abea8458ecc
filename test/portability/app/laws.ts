/** Checks the laws on a pool, and prints the properties that it breaks. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { checkLaws, Tasks } from "papyros/testing/check"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"

export const laws = (thread: URL) =>
  checkLaws({
    layer: ({ capacity }) => WorkerPoolDispatcher.layer(Tasks, { thread, capacity, size: 2 }),
    boundary: "codec",
    concurrency: 2,
    bounds: true,
    endsBusyLoops: true,
    losesWorkers: true,
    nests: true,
    sharesClock: false,
    sharesMemory: false,
    effort: 0.3
  }, [1, 2, 3, 4, 5, 6, 7, 8, 10]).pipe(
    Stream.runFold(() => ({ kept: 0, broken: 0 }), ({ broken, kept }, { exit, law, property }) => {
      if (exit._tag === "Success") return { broken, kept: kept + 1 }
      console.log(`BROKEN: law ${law.number}: ${property.name}: ${JSON.stringify(exit).slice(0, 1000)}`)
      return { broken: broken + 1, kept }
    }),
    Effect.map(({ broken, kept }) => console.log(`laws: ${kept} properties kept, ${broken} broken`))
  )
