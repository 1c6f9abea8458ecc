/**
 * Workers of Remote in the process of a test, each with a port and a thread, for tests that end no worker process. A
 * process takes several times the CPU time of a thread to start.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as RemoteWorker from "papyros/RemoteWorker"
import type * as Task from "papyros/Task"
import type * as TaskGroup from "papyros/TaskGroup"

/** A worker that may not be registered yet, and ends with the scope. `pid` is in the place of the id of a process. */
export const localWorker = Effect.fnUntraced(function*<T extends Task.Any>(
  pid: number,
  group: TaskGroup.TaskGroup<T>,
  options: Parameters<typeof RemoteWorker.layer<T>>[1]
) {
  let log = ""
  const logger = Logger.layer([
    Logger.make(({ message }) => {
      log += `${[message].flat().join(" ")}\n`
    })
  ])
  // Tasks that run at the end of the scope are interrupted.
  const layer = RemoteWorker.layer(group, { size: 1, drainTimeout: 0, ...options })
  const started = yield* Effect.forkScoped(Layer.build(Layer.provide(layer, logger)))

  /** Waits for a message that matches the pattern; returns the captured text. */
  const wrote = (pattern: RegExp): Effect.Effect<string> =>
    Effect.suspend(() => {
      const match = pattern.exec(log)
      if (match !== null) return Effect.succeed(match[1] ?? "")
      const exit = started.pollUnsafe()
      if (exit?._tag === "Failure") return Effect.die(new Error(Cause.pretty(exit.cause)))
      return Effect.andThen(Effect.sleep(5), wrote(pattern))
    })

  return { pid, wrote, registered: Effect.orDie(Effect.asVoid(Fiber.join(started))) }
})
