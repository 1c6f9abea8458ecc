import * as Effect from "effect/Effect"
import { rpc } from "../../competitors/rpc.ts"
import { load } from "../increments.ts"
import { report, tasks } from "./child.ts"

report(await Effect.runPromise(Effect.scoped(Effect.flatMap(rpc.open, (contestant) => contestant.run(load, tasks)))))
