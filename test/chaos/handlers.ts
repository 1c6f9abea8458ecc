import * as Effect from "effect/Effect"
import { threadId } from "node:worker_threads"
import * as Task from "papyros/Task"
import { append } from "../support/journal.ts"
import type { ChaosLine } from "./history.ts"
import { type Act, Tasks } from "./tasks.ts"

const journal = new URL(import.meta.url).searchParams.get("journal")!

const note = (what: ChaosLine["what"], id: number, attempt = 1) =>
  append<ChaosLine>(journal, { what, id, thread: threadId, attempt })

const exit = (id: number, what: "ends" | "mayEnd"): never => {
  note(what, id)
  process.exit(7)
}

const later = (id: number, f: () => void) =>
  setTimeout(() => {
    note("mayEnd", id)
    f()
  }, 1)

const fail = (): never => {
  throw new RangeError("on purpose")
}

const reject = () => void Promise.reject(new RangeError("on purpose"))

const fill = (): never => {
  const all: Array<unknown> = []
  for (;;) all.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
}

const done = (id: number) =>
  Effect.sync(() => {
    note("end", id)
    return id
  })

const wait = (id: number) => Effect.andThen(Effect.sleep(id % 4), done(id))

const act = ({ how, id, times }: Pick<Act, "how" | "id" | "times">): Effect.Effect<number> =>
  Effect.flatMap(Task.CurrentAttempt, (attempt) => {
    note("start", id, attempt)
    switch (how) {
      case "exit":
        return attempt <= times ? exit(id, "ends") : done(id)
      case "exitLater":
        return attempt <= times
          ? Effect.andThen(Effect.sleep(1), Effect.sync(() => exit(id, "mayEnd")))
          : wait(id)
      case "memory": {
        if (attempt > times) return done(id)
        note("ends", id)
        return fill()
      }
      case "throw":
        return fail()
      case "throwLater":
        later(id, fail)
        return Effect.never
      case "rejectLater":
        later(id, reject)
        return Effect.never
      case "throwAfterwards":
        later(id, fail)
        return done(id)
      case "rejectAfterwards":
        later(id, reject)
        return done(id)
      case "spin":
        note("ends", id)
        for (let i = 0;; i = (i + 1) % 1000);
      case "plain":
        return done(id)
      case "wait":
        return wait(id)
    }
  })

export default Tasks.toLayer({
  Act: act,
  Play: act,
  Once: ({ id, waits }) => act({ id, how: waits ? "wait" : "plain", times: 0 }),
  Spin: ({ id }) => act({ id, how: "spin", times: 1 })
})
