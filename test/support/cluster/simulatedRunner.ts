/** A runner of the simulation: the real sessions and scheduler of a worker, above threads that only let time pass. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Executor from "papyros/Executor"
import { makeHandlers } from "../../../src/internal/cluster/runner/serve.ts"
import type { PoolExecutor } from "../../../src/internal/threads/main/executor.ts"
import { checkPool } from "../../../src/internal/threads/main/options.ts"
import type { RemoteLine } from "../remote/history.ts"
import { type Kill, type Once, Tasks, type Work } from "../remote/tasks.ts"

export type Calls = Effect.Success<ReturnType<typeof makeHandlers>>["calls"]

type Payload = (Work | Once) & Kill

export class SimulatedRunner {
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
      const { calls, drain } = yield* makeHandlers(options, this.threads(slots), `runner-${this.number}`)
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

  get isDead(): boolean {
    return this.state === "dead"
  }

  private threads(slots: number): PoolExecutor {
    return {
      name: "simulated",
      boundary: "codec",
      maxChunk: slots,
      open: (scheduler) => Effect.sync(() => scheduler.join(new SimulatedThread(this, scheduler, slots)))
    }
  }
}

class SimulatedThread implements Executor.WorkerHandle {
  readonly name = "thread"
  readonly concurrency: number
  readonly window: number
  private readonly runner: SimulatedRunner
  private readonly scheduler: Executor.Scheduler
  private running = 0
  private pulling = false

  constructor(runner: SimulatedRunner, scheduler: Executor.Scheduler, slots: number) {
    this.runner = runner
    this.scheduler = scheduler
    this.concurrency = slots
    this.window = slots
  }

  wake(): void {
    this.pull()
  }

  private pull(): void {
    if (this.pulling) return
    this.pulling = true
    while (this.running < this.concurrency && !this.runner.isDead) {
      const chunk = this.scheduler.take(this, 1)
      if (chunk === undefined) break
      this.run(chunk)
    }
    this.pulling = false
  }

  private run(chunk: Executor.Chunk): void {
    const { runner, scheduler } = this
    const [{ attempt, name, payload }] = chunk.items
    const { id, millis, times } = payload as Payload
    const line = { id, thread: runner.number, attempt }
    this.running++
    runner.record({ what: "start", ...line })
    if (name === "Kill" && attempt <= times) {
      runner.record({ what: "kills", ...line })
      runner.kill()
      return runner.onKilled(runner)
    }
    chunk.note = scheduler.after(millis ?? 0, () => {
      if (runner.isDead) return
      chunk.note = undefined
      runner.record({ what: "end", ...line })
      scheduler.recordBusy(chunk.items, 1000 * (millis ?? 0))
      scheduler.succeed(chunk, 0, { id, pid: runner.number })
      this.running--
      this.pull()
    })
  }

  cancel(chunk: Executor.Chunk): void {
    const stop = chunk.note as Executor.Cancel | undefined
    if (stop === undefined || this.runner.isDead) return
    stop()
    chunk.note = undefined
    this.scheduler.fail(chunk, 0, { _tag: "Interrupted", trace: "" })
    this.running--
    this.pull()
  }
}
