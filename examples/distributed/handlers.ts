/** The handlers of this example. Only the worker processes load this module. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { Tasks } from "./tasks.ts"

export default Tasks.toLayer(Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const journal = yield* Config.String("EXAMPLE_JOURNAL")
  return Tasks.of({
    Work: Effect.fnUntraced(function*({ id }) {
      // Each start is recorded, so that the program can count at its end the tasks that started twice.
      yield* Effect.orDie(fs.writeFileString(journal, `${id}\n`, { flag: "a" }))
      yield* Effect.sleep("20 millis")
      return { id, pid: process.pid }
    })
  })
})).pipe(
  Layer.provide(NodeFileSystem.layer)
)
