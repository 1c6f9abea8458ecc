/** The handlers module that `papyros workers` loads. */
import * as Effect from "effect/Effect"
import { inc } from "./increments.ts"
import * as StartLog from "./startLog.ts"
import { group } from "./tasks.ts"

const startLog = process.env[StartLog.VARIABLE]

const busyWait = (millis: number) =>
  Effect.sync(() => {
    const until = performance.now() + millis
    while (performance.now() < until);
  })

export default group.toLayer({
  Inc: ({ n }) => Effect.sync(() => inc(n)),
  EchoBytes: ({ bytes }) => Effect.succeed(bytes),
  EchoText: ({ text }) => Effect.succeed(text),
  Wait: ({ busy, id, millis }) =>
    Effect.suspend(() => {
      if (startLog !== undefined) StartLog.append(startLog, id)
      return Effect.as(busy ? busyWait(millis) : Effect.sleep(millis), { id, pid: process.pid })
    })
})
