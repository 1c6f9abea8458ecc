import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { it } from "vitest"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

const pool = WorkerPoolDispatcher.layer(Tasks, { thread: new URL("./thread.ts", import.meta.url), size: 2 })

it("runs tasks", () => Effect.runPromise(program(pool)), 60_000)
