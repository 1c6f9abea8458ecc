/** The process of effect/rpc. */
import * as Effect from "effect/Effect"
import { rpc } from "../../competitors/rpc.ts"
import { increments } from "../../workload/taskInput.ts"
import { report, tasks } from "./child.ts"

report(await Effect.runPromise(Effect.scoped(Effect.flatMap(rpc.open, (pool) => pool.run(increments, tasks)))))
