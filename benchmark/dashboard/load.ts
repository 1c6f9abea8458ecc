/** The load of this benchmark: 64 workers that wait with the tasks that they take, and use no CPU. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const WORKERS = 64
const TASKS_PER_SECOND = 10_000
const CHUNK = 16

const payload = { n: Schema.Int }
class Resize extends Task.Class<Resize>()("Resize", { payload }) {}
class Decode extends Task.Class<Decode>()("Decode", { payload }) {}
export class Hash extends Task.Class<Hash>()("Hash", { payload }) {}
class Probe extends Task.Class<Probe>()("Probe", { payload }) {}
export const Tasks = TaskGroup.make(Resize, Decode, Hash, Probe)
const types = [Resize, Decode, Hash, Probe]

/** Waits with each chunk as long as the rate says; one task of a hundred fails. */
class WaitingWorker implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency = 1
  readonly window = CHUNK
  private readonly scheduler: Executor.Scheduler
  private isBusy = false

  constructor(name: string, scheduler: Executor.Scheduler) {
    this.name = name
    this.scheduler = scheduler
  }

  wake(): void {
    if (this.isBusy) return
    const chunk = this.scheduler.take(this, CHUNK)
    if (chunk === undefined) return
    this.isBusy = true
    const millis = 1000 * chunk.items.length * WORKERS / TASKS_PER_SECOND
    setTimeout(() => {
      this.scheduler.recordBusy(chunk.items, millis * 900)
      chunk.items.forEach((item, at) => {
        if ((item.payload as { n: number }).n % 100 === 0) {
          this.scheduler.fail(chunk, at, { _tag: "Defect", defect: new Error("on purpose"), trace: "" })
        } else this.scheduler.succeed(chunk, at, undefined)
      })
      this.isBusy = false
      this.wake()
    }, millis)
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    this.scheduler.requeue(chunk, at, at + 1)
  }
}

export const waiting = Executor.layer(Tasks, {
  name: "waiting",
  boundary: "none",
  maxChunk: CHUNK,
  open: (scheduler) =>
    Effect.sync(() => {
      for (let n = 1; n <= WORKERS; n++) scheduler.join(new WaitingWorker(`worker-${n}`, scheduler))
    })
})

/** Tasks without end. `started` says how many have been pulled. */
export const run = Effect.gen(function*() {
  let n = 0
  yield* Stream.fromIterable(function*() {
    for (;; n++) yield new types[n % types.length]({ n })
  }()).pipe(Dispatcher.results(), Stream.runDrain, Effect.forkScoped)
  return { started: () => n }
})
