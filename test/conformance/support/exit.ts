/** Programs that the claims about the end of a process run: `exit.ts PROGRAM`. Each writes a sum and "done". */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import handlers from "./handlers.ts"
import { Add, Sleep, Tasks } from "./tasks.ts"

const program = process.argv[2]

const fiber = FiberDispatcher.layer(Tasks).pipe(Layer.provide(handlers))
const pool = WorkerPoolDispatcher.layer(Tasks, { handlers: new URL("./handlers.ts", import.meta.url), size: 1 })

// One of them waits, so that its timeout is set and cleared.
const tasks = [new Sleep({ id: 0, millis: 1 }), ...Array.from({ length: 10 }, (_, n) => new Add({ n }))]

const sum = Stream.runFold(
  Dispatcher.execute(tasks, { taskTimeout: "1 hour" }),
  () => 0,
  (total, n) => total + n
).pipe(Effect.andThen((total) => Effect.sync(() => process.stdout.write(`${total}\n`))))

const runtime = ManagedRuntime.make<Dispatcher.Dispatcher, unknown>(program.startsWith("fiber") ? fiber : pool)

await runtime.runPromise(sum)
if (!program.endsWith("Open")) await runtime.dispose()
process.stdout.write("done\n")
