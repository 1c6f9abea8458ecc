/** Handlers that record their starts and ends in the journal that their URL or the environment names. */
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import * as Task from "papyros/Task"
import { append } from "../journal.ts"
import type { RemoteLine } from "./history.ts"
import { Tasks } from "./tasks.ts"

const { searchParams } = new URL(import.meta.url)

const journal = searchParams.get("journal") ?? process.env.PAPYROS_TEST_JOURNAL!

/** The id of the process, or that of a worker in the process of the test. */
const pid = Number(searchParams.get("pid") ?? process.pid)

const note = (what: RemoteLine["what"], id: number, attempt: number) =>
  append<RemoteLine>(journal, { what, id, thread: pid, attempt })

/** The test opens the gate by making this file. */
const untilOpen: Effect.Effect<void> = Effect.suspend(() =>
  existsSync(`${journal}.open`) ? Effect.void : Effect.andThen(Effect.sleep(10), untilOpen)
)

const spin = (millis: number) =>
  Effect.sync(() => {
    const until = performance.now() + millis
    while (performance.now() < until);
  })

const work = (id: number, body: (attempt: number) => Effect.Effect<void>) =>
  Effect.flatMap(Task.CurrentAttempt, (attempt) =>
    Effect.sync(() => note("start", id, attempt)).pipe(
      Effect.andThen(body(attempt)),
      Effect.onInterrupt(() => Effect.sync(() => note("interrupted", id, attempt))),
      Effect.map(() => {
        note("end", id, attempt)
        return { id, pid }
      })
    ))

export default Tasks.toLayer({
  Work: ({ busy, first, gated, id, millis }) =>
    work(id, (attempt) => {
      if (gated === true) return untilOpen
      const time = attempt === 1 ? first ?? millis : millis
      if (busy === true) return spin(time)
      return time === 0 ? Effect.void : Effect.sleep(time)
    }),
  Once: ({ id, millis }) => work(id, () => Effect.sleep(millis)),
  Kill: ({ id, times }) =>
    work(id, (attempt) =>
      Effect.sync(() => {
        if (attempt > times) return
        note("kills", id, attempt)
        process.kill(process.pid, "SIGKILL")
        // It takes a moment.
        for (;;);
      })),
  Big: ({ bytes, id }) => Effect.sync(() => new Uint8Array(bytes).fill(id)),
  Load: ({ bytes }) => Effect.succeed(bytes.length),
  Environment: () =>
    Effect.sync(() => ({
      thread: Object.entries(process.env).map(([key, value]) => `${key}=${value}`),
      child: execFileSync("env", { encoding: "utf8" })
    }))
})
