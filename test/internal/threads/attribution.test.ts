import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { TaskFailure } from "papyros/TaskFailure"
import { pool, until } from "../../support/pool/pool.ts"
import { Add, Carry, Misbehave, Spin, Wait } from "../../support/pool/tasks.ts"

type Poison = Misbehave | Carry | Spin
type How = Misbehave["how"] | "spin" | "payload"

/** The description of each outcome. */
const expected: { readonly [K in How]: string } = {
  exit: "WorkerLost, exit code 7",
  exitLater: "WorkerLost, exit code 7",
  memory: "WorkerLost, out of memory",
  throw: "Defect: RangeError: on purpose",
  unclonable: "Undecodable success",
  throwLater: "Defect: RangeError: on purpose",
  rejectLater: "Defect: RangeError: on purpose",
  throwAfterwards: "success",
  rejectAfterwards: "success",
  spin: "TimedOut",
  payload: "Undecodable payload"
}

const hows = Object.keys(expected) as ReadonlyArray<How>

const make = (how: How): Poison => {
  switch (how) {
    case "spin":
      return new Spin({})
    case "payload":
      return new Carry({ value: () => {} })
    default:
      return new Misbehave({ how })
  }
}

const say = ({ result }: Dispatcher.TaskResult<Poison>): string => {
  if (Result.isSuccess(result)) return "success"
  const { reason }: TaskFailure<Poison> = result.failure
  switch (reason._tag) {
    case "WorkerLost":
      return `WorkerLost, ${reason.outOfMemory ? "out of memory" : `exit code ${reason.exitCode}`}`
    case "Defect":
      return `Defect: ${reason.defect}`
    case "Undecodable":
      return `Undecodable ${reason.part}`
    default:
      return reason._tag
  }
}

/** So many innocents, some of which suspend, with poison at even distances among them. */
const mix = (innocents: number, poison: ReadonlyArray<How>): ReadonlyArray<Add | Wait | Poison> => {
  const every = Math.floor(innocents / (poison.length + 1))
  return Array.from({ length: innocents }, (_, n) => [
    n % 7 === 0 ? new Wait({ n, millis: n % 3 }) : new Add({ n }),
    ...(n % every === every - 1 && n < every * poison.length ? [make(poison[(n + 1) / every - 1])] : [])
  ]).flat()
}

const isInnocent = (
  result: Dispatcher.TaskResult<Add | Wait | Poison>
): result is Dispatcher.TaskResult<Add | Wait> => result.task._tag === "Add" || result.task._tag === "Wait"

const expectGuilty = (innocents: number, poison: ReadonlyArray<How>, chunkSize: number | "auto") =>
  Effect.gen(function*() {
    const tasks = mix(innocents, poison)
    const results = yield* Stream.runCollect(Dispatcher.results(tasks, { chunkSize, bufferSize: 200 }))
    const ordered = results.toSorted((a, b) => a.index - b.index)
    assert.deepStrictEqual(ordered.map(({ index }) => index), Array.from(tasks.keys()))
    for (const result of ordered) {
      if (!isInnocent(result)) continue
      assert.deepStrictEqual(result.result, Result.succeed(result.task.n + 1), String(result.task))
    }
    const guilty = ordered.filter((result) => !isInnocent(result)) as ReadonlyArray<Dispatcher.TaskResult<Poison>>
    assert.deepStrictEqual(guilty.map(say), poison.map((how) => expected[how]))
    for (const { result, task } of guilty) {
      if (Result.isFailure(result)) assert.strictEqual(result.failure.task, task)
    }
  })

const resourceLimits = { maxOldGenerationSizeMb: 48 }

for (
  const [size, concurrency, chunkSize] of [[2, 1, "auto"], [1, 4, 64], [2, 4, 1], [1, 1, "auto"]] as const
) {
  const logged: Array<string> = []
  const logger = Logger.layer([Logger.make(({ message }) => logged.push(String(message)))])
  const subject = pool({ size, concurrency, maxWorkerLosses: 1, resourceLimits }).pipe(Layer.provide(logger))
  layer(subject, { excludeTestServices: true })(
    `WorkerPoolDispatcher of ${size} threads with concurrency ${concurrency}, chunks of ${chunkSize}`,
    (it) => {
      if (size === 1 || concurrency > 1) {
        it.effect(
          "fails exactly the guilty when tasks go wrong in every way in one run",
          () => expectGuilty(1500, [...hows, "exit"], chunkSize),
          60_000
        )
        return
      }

      it.effect.each(hows)("fails exactly the guilty: %s", (how) => expectGuilty(300, [how], chunkSize), 60_000)

      it.effect.each(["throwAfterwards", "rejectAfterwards"] as const)(
        "logs what a task does after its end and blames nobody: %s",
        (how) =>
          Effect.gen(function*() {
            logged.length = 0
            yield* expectGuilty(300, [how], chunkSize)
            yield* until(() => logged.some((line) => line.includes("belongs to no running task")))
          }),
        60_000
      )
    }
  )
}
