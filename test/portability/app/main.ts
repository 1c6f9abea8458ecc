import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

const pool = WorkerPoolDispatcher.layer(Tasks, { thread: new URL("./thread.ts", import.meta.url), size: 2 })

NodeRuntime.runMain(program(pool))
