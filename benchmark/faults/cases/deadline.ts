/**
 * Deadlines: 100,000 tasks with a duration close to their timeout, then busy tasks that exceed it until their thread
 * is ended.
 */
import * as Effect from "effect/Effect"
import { type Ends, run } from "../../../test/internal/threads/deadline/run.ts"
import { figure, heading, millis, printMistakes } from "../../harness/console.ts"
import { timed } from "../../harness/timing.ts"

const TASKS = 100_000
const ENDED = 200

const both = ({ succeeded, timedOut }: Ends) => `${succeeded} / ${timedOut}`

export const deadline = Effect.gen(function*() {
  yield* heading(`deadline: ${TASKS} tasks of their timeout ± 50 µs, each between two healthy tasks, on 2 threads`)
  const [report, spent] = yield* timed(run({
    tasks: TASKS,
    classes: ["Busy", "Polling"],
    innocents: ["Plain", "Nap", "Once"],
    beyond: (n) => (n * 37) % 101 - 50,
    pool: { size: 2 },
    chunkSize: "auto"
  }))
  const mistakes = [...report.wrong]
  if (report.threads !== 2) mistakes.push(`${report.threads} threads were started`)
  yield* figure("duration", millis(spent))
  yield* figure("busy tasks: succeeded / timed out", both(report.busy))
  yield* figure("asynchronous tasks: succeeded / timed out", both(report.polling))
  yield* figure("asynchronous tasks interrupted before their timeout", String(report.polling.early))

  for (const healthy of [["Plain", "Nap", "Once"], ["Plain"]] as const) {
    yield* heading(
      `deadline: ${ENDED} busy tasks that exceed their timeout by 1 to 9 ms, grace period 1 ms, beside ${healthy}`
    )
    const [ended, endedIn] = yield* timed(run({
      tasks: ENDED,
      classes: ["Busy"],
      innocents: healthy,
      beyond: (n) => 1000 + (n * 37) % 100 * 80,
      pool: { size: 2, gracePeriod: 1 },
      chunkSize: 32
    }))
    yield* figure("duration", millis(endedIn))
    yield* figure("succeeded / timed out", both(ended.busy), `0 / ${ENDED}`)
    yield* figure("ended threads", String(ended.threads - 2))
    yield* figure("tasks that ran again: completed, but not reported", String(ended.again))
    mistakes.push(...ended.wrong)
  }
  return yield* printMistakes(mistakes)
})
