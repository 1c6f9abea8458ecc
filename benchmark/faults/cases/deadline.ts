/** 100,000 tasks that take as long as their timeout, or about; then some that have to be ended for it. */
import * as Effect from "effect/Effect"
import { type Ends, run } from "../../../test/internal/threads/deadline/run.ts"
import { figure, heading, millis, timed, verdict } from "../../harness/console.ts"

const TASKS = 100_000
const ENDED = 200

const both = ({ succeeded, timedOut }: Ends) => `${succeeded} / ${timedOut}`

export const deadline = Effect.gen(function*() {
  yield* heading(`deadline: ${TASKS} tasks that take their timeout ± 50 µs, each between two innocents, on 2 threads`)
  const [report, spent] = yield* timed(run({
    tasks: TASKS,
    classes: ["Busy", "Polling"],
    innocents: ["Plain", "Nap", "Once"],
    beyond: (n) => (n * 37) % 101 - 50,
    pool: { size: 2 },
    chunkSize: "auto"
  }))
  const wrong = [...report.wrong]
  if (report.threads !== 2) wrong.push(`${report.threads} threads were started`)
  yield* figure("took", millis(spent))
  yield* figure("busy ones that succeeded / timed out", both(report.busy))
  yield* figure("asynchronous ones", both(report.polling))
  yield* figure("of these interrupted before their time", String(report.polling.early))

  for (const innocents of [["Plain", "Nap", "Once"], ["Plain"]] as const) {
    yield* heading(
      `deadline: ${ENDED} busy tasks that end when their thread would be ended, or just do not, beside ${innocents}`
    )
    const [ended, endedIn] = yield* timed(run({
      tasks: ENDED,
      classes: ["Busy"],
      innocents,
      beyond: (n) => 1000 + (n * 37) % 100 * 80,
      pool: { size: 2, gracePeriod: 1 },
      chunkSize: 32
    }))
    yield* figure("took", millis(endedIn))
    yield* figure("succeeded / timed out", both(ended.busy), `0 / ${ENDED}`)
    yield* figure("threads that were ended", String(ended.threads - 2))
    yield* figure("tasks that ran again, having ended unsent", String(ended.again))
    wrong.push(...ended.wrong)
  }
  return yield* verdict(wrong)
})
