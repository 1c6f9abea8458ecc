import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

const handlers = new URL("./handlers.ts", import.meta.url)

await Effect.runPromise(Effect.provide(program, WorkerPoolDispatcher.layer(Tasks, { handlers, size: 2 })))
console.log("OK")
