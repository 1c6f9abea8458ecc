/** The handlers of the tasks, for `papyros workers`. */
import * as Effect from "effect/Effect"
import { inc } from "../../pool/workload/functions.ts"
import * as Journal from "./startLog.ts"
import { group } from "./tasks.ts"

const journal = process.env[Journal.VARIABLE]

const spin = (millis: number) =>
  Effect.sync(() => {
    const until = performance.now() + millis
    while (performance.now() < until);
  })

export default group.toLayer({
  Inc: ({ n }) => Effect.sync(() => inc(n)),
  Work: ({ busy, id, millis }) =>
    Effect.suspend(() => {
      if (journal !== undefined) Journal.started(journal, id)
      return Effect.as(busy ? spin(millis) : Effect.sleep(millis), { id, pid: process.pid })
    })
})
