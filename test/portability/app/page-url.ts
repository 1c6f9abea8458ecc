/** A page with a pool of Web Workers, for bundlers that do not build them by themselves. */
import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

const pool = WorkerPoolDispatcher.layer(Tasks, { thread: new URL("./thread.js", import.meta.url), size: 2 })

Effect.runPromise(program(pool)).catch((error) => console.log(`FAILED ${error.stack}`))
