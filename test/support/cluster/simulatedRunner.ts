/** A runner of the simulation: the real sessions and scheduler of a worker, above threads that only let time pass. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { makeHandlers } from "../../../src/internal/cluster/runner/serve.ts"
import { checkPool } from "../../../src/internal/threads/main/options.ts"
import { Dice } from "../../../src/testing/random.ts"
import type { RemoteLine } from "../remote/history.ts"
import { type SimulatedProcess, simulatedThreads } from "../remote/simulation/simulatedThread.ts"
import { Tasks } from "../remote/tasks.ts"

export type Calls = Effect.Success<ReturnType<typeof makeHandlers>>["calls"]

export class SimulatedRunner implements SimulatedProcess {
  readonly number: number
  readonly record: (line: RemoteLine) => void
  /** Called when a task kills the runner. */
  readonly onKilled: (runner: SimulatedRunner) => void
  state: "serving" | "leaving" | "gone" | "dead" = "serving"
  /** Until this time no call gets through, in milliseconds. */
  awayUntil = 0
  calls!: Calls
  private readonly scope = Scope.makeUnsafe()

  constructor(number: number, record: (line: RemoteLine) => void, onKilled: (runner: SimulatedRunner) => void) {
    this.number = number
    this.record = record
    this.onKilled = onKilled
  }

  start(slots: number): Effect.Effect<void> {
    const options = {
      pool: checkPool(Tasks, { handlers: import.meta.url, size: 1, concurrency: slots }),
      maxTaskBytes: 1 << 20,
      drainTimeout: 30_000
    }
    const made = Effect.gen({ self: this }, function*() {
      const { calls, drain } = yield* makeHandlers(
        options,
        simulatedThreads({ process: this, slots, dice: new Dice(this.number), most: slots }),
        `runner-${this.number}`
      )
      yield* Effect.addFinalizer(() => drain)
      this.calls = calls
    })
    return Effect.orDie(Scope.provide(made, this.scope))
  }

  /** The runner drains, and then it is gone. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    if (this.state !== "serving") return Effect.void
    this.state = "leaving"
    return Effect.andThen(
      Scope.close(this.scope, Exit.void),
      Effect.sync(() => {
        if (this.state === "leaving") this.state = "gone"
      })
    )
  })

  /** Nothing of the runner goes on. */
  kill(): void {
    this.record({ what: "fault", id: 0, thread: this.number })
    this.state = "dead"
  }

  killed(): void {
    this.kill()
    this.onKilled(this)
  }

  get isDead(): boolean {
    return this.state === "dead"
  }
}
