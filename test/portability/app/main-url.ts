import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

const thread = new URL("./thread.ts", import.meta.url)

await Effect.runPromise(Effect.provide(program, WorkerPoolDispatcher.layer(Tasks, { thread, size: 2 })))
console.log("OK")
