/** The tasks of a simulation, and the record of their acceptance and their outcomes. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { Dice } from "../../../src/testing/random.ts"
import type { RemoteLine } from "./history.ts"
import { Kill, Once, Work } from "./tasks.ts"

type SimulatedTask = Work | Once | Kill

/** Some tasks of any kind; `kills`: one of them may end its worker. */
export const makeTasks = (dice: Dice, first: number, kills: boolean): ReadonlyArray<SimulatedTask> => {
  const killer = kills && dice.chance(0.2) ? dice.below(20) : -1
  return Array.from({ length: dice.between(1, 40) }, (_, i): SimulatedTask => {
    const id = first + i
    if (i === killer) return new Kill({ id, times: dice.pick([1, 99]) })
    const millis = dice.pick([0, 1, 5, 50, 500, 3000])
    return dice.chance(0.25) ? new Once({ id, millis }) : new Work({ id, millis })
  })
}

/** Runs tasks, and records their acceptance and their outcomes. */
export const runTasks = (tasks: ReadonlyArray<SimulatedTask>, dice: Dice, lines: Array<RemoteLine>) =>
  Stream.fromIterable(tasks).pipe(
    Stream.tap((task) =>
      Effect.andThen(
        dice.chance(0.1) ? Effect.sleep(dice.below(3000)) : Effect.void,
        Effect.sync(() => lines.push({ what: "accepted", id: task.id, thread: 0, idempotent: task._tag !== "Once" }))
      )
    ),
    Dispatcher.results({ chunkSize: dice.pick(["auto", 1, 4] as const), ordered: dice.chance(0.3) }),
    Stream.runForEach(({ result, task }) =>
      Effect.sync(() => {
        const reason = Result.isFailure(result) ? result.failure.reason._tag : undefined
        const what = reason === undefined
          ? "success"
          : reason === "WorkerLost" && task._tag !== "Kill"
          ? "lost"
          : "failure"
        lines.push({ what, id: task.id, thread: 0 })
        // Nothing but a loss may fail a task.
        if (reason !== undefined && reason !== "WorkerLost") throw new Error(`task ${task.id} failed: ${reason}`)
      })
    )
  )
