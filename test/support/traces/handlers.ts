import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { Step, Tasks } from "./tasks.ts"

export default Tasks.toLayer({
  Step: ({ n }) =>
    Effect.withSpan(n % 2 === 0 ? Effect.void : Effect.fail(`${n} is odd`), "own", { attributes: { n } }),
  Nest: ({ steps }) =>
    Stream.range(1, steps).pipe(
      Stream.map((n) => new Step({ n: 2 * n })),
      Dispatcher.execute(),
      Stream.runDrain,
      Effect.orDie
    )
})
