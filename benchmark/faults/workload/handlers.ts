/** The handlers module of the faults suite. Healthy tasks count their starts in memory shared with the main thread. */
import * as Effect from "effect/Effect"
import { Record } from "../../../test/internal/threads/deadline/record.ts"
import { type Poison, Tasks } from "./tasks.ts"

const record = Record.find()

const fail = (): never => {
  throw new RangeError("on purpose")
}

const loop = (): never => {
  for (;;);
}

const poison = ({ how }: Pick<Poison, "how">): Effect.Effect<unknown> => {
  switch (how) {
    case "exit":
      return process.exit(7)
    case "memory": {
      const all: Array<unknown> = []
      for (;;) all.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
    }
    case "throw":
      return fail()
    case "unclonable":
      return Effect.succeed(() => {})
    case "throw later":
      setTimeout(fail, 1)
      return Effect.never
    case "reject later":
      setTimeout(() => void Promise.reject(new RangeError("on purpose")), 1)
      return Effect.never
  }
}

export default Tasks.toLayer({
  Inc: ({ id }) =>
    Effect.sync(() => {
      record.started(id)
      return id + 1
    }),
  BusyWait: ({ id, millis }) =>
    Effect.sync(() => {
      record.started(id)
      const until = performance.now() + millis
      while (performance.now() < until);
      return id
    }),
  Poison: poison,
  Loop: ({ id }) =>
    Effect.sync(() => {
      record.started(id)
      loop()
    }),
  LoopWithTimeout: () => Effect.sync(loop),
  StartTime: () => Effect.sync(() => performance.timeOrigin + performance.now())
})
