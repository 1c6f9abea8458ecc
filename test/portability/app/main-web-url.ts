/** A page with a pool of Web Workers, for bundlers that do not build them by themselves. */
import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

const thread = new URL("./thread.js", import.meta.url)

Effect.runPromise(Effect.provide(program, WorkerPoolDispatcher.layer(Tasks, { thread, size: 2 }))).then(
  () => console.log("OK"),
  (error) => console.log(`FAILED ${error.stack}`)
)
