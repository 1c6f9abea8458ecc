/**
 * A program with a durable run of `count` tasks, kept in the database of `PAPYROS_DATABASE`. It appends the number of each task that starts to
 * `starts`, and prints the numbers whose results it gets. After `most` results it takes no more, and does not end.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { appendFileSync, writeSync } from "node:fs"
import * as Durable from "papyros/Durable"
import * as DurablePostgres from "papyros/DurablePostgres"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

class Nap extends Task.Class<Nap>()("Nap", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const [starts, count, most] = process.argv.slice(2)
const Tasks = TaskGroup.make(Nap)
const handlers = Tasks.toLayer({
  Nap: ({ n }) =>
    Effect.sync(() => appendFileSync(starts, `${n}\n`)).pipe(Effect.andThen(Effect.sleep(2)), Effect.as(n))
})

const tasks = Stream.map(Stream.range(0, Number(count) - 1), (n) => new Nap({ n }))

let given = 0
const print = (numbers: ReadonlyArray<number>) =>
  Effect.suspend(() => {
    writeSync(1, `${numbers.join("\n")}\n`)
    given += numbers.length
    return given < Number(most) ? Effect.void : Effect.never
  })

// With a small buffer, a killed program loses the outcomes of few tasks.
const program = Durable.execute(tasks, { run: "nightly", bufferSize: 8 }).pipe(
  Stream.runForEachArray(print),
  Effect.provide(Layer.merge(
    FiberDispatcher.layer(Tasks, { concurrency: 16 }).pipe(Layer.provide(handlers)),
    DurablePostgres.layerFromEnv()
  ))
)

await Effect.runPromise(program)
