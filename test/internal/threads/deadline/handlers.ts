import * as Effect from "effect/Effect"
import { Record } from "./record.ts"
import { Tasks } from "./tasks.ts"

const record = Record.find()

const begin = (id: number) => Effect.sync(() => record.started(id))

const finish = (id: number) =>
  Effect.sync(() => {
    record.finished(id)
    return id
  })

const spin = Effect.sync((): never => {
  for (;;);
})

export default Tasks.toLayer({
  Busy: ({ id, micros }) =>
    Effect.sync(() => {
      const since = performance.now()
      record.started(id)
      while ((performance.now() - since) * 1000 < micros);
      record.finished(id)
      return id
    }),
  Polling: ({ id, micros }) =>
    Effect.callback<number>((resume) => {
      const since = performance.now()
      let stopped = false
      record.started(id)
      const poll = () => {
        if (stopped) return
        if ((performance.now() - since) * 1000 >= micros) resume(finish(id))
        else setImmediate(poll)
      }
      poll()
      return Effect.sync(() => {
        stopped = true
        record.interrupted(id, performance.now() - since)
      })
    }),
  Stuck: ({ how }) => {
    switch (how) {
      case "spins later":
        return Effect.andThen(Effect.sleep(1), spin)
      case "spins when interrupted":
        return Effect.onInterrupt(Effect.never, () => spin)
      case "cannot be interrupted":
        return Effect.uninterruptible(Effect.never)
    }
  },
  Plain: ({ id }) => Effect.andThen(begin(id), finish(id)),
  Nap: ({ id }) => Effect.andThen(Effect.andThen(begin(id), Effect.sleep(0)), finish(id)),
  Once: ({ id }) => Effect.andThen(begin(id), finish(id))
})
