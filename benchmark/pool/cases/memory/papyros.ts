/** The process of papyros. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { execute } from "../../../harness/papyros.ts"
import { layer } from "../../competitors/papyros.ts"
import { Inc } from "../../workload/tasks.ts"
import { report, tasks } from "./child.ts"

report(
  await Effect.runPromise(
    Stream.range(1, tasks).pipe(
      Stream.map((n) => new Inc({ n })),
      (tasks) => execute(tasks, Number),
      Effect.provide(layer)
    )
  )
)
