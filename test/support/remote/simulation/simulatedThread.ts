/**
 * A worker thread of a simulation, which only lets the time of its tasks pass. Like a thread, it runs tasks in order, takes
 * whole blocks as bytes, reports results together, and gives tasks back that wait too long.
 */
import * as Effect from "effect/Effect"
import type * as Executor from "papyros/Executor"
import type { TaskCodecs } from "../../../../src/internal/encoding/wire/taskCodecs.ts"
import type { PoolExecutor } from "../../../../src/internal/threads/main/executor.ts"
import type { Dice } from "../../../../src/testing/random.ts"
import type { RemoteLine } from "../history.ts"
import type { Kill, Once, Work } from "../tasks.ts"

type Payload = (Work | Once) & Kill

/** The process of the thread. */
export interface SimulatedProcess {
  readonly number: number
  readonly isDead: boolean
  readonly record: (line: RemoteLine) => void
  /** A task kills the process. */
  readonly killed: () => void
}

export interface SimulatedThreadOptions {
  readonly process: SimulatedProcess
  readonly slots: number
  readonly dice: Dice
  /** The most tasks that the thread takes at once. */
  readonly most: number
  /** Of tasks that come as bytes. */
  readonly codecs?: ((name: string) => TaskCodecs | undefined) | undefined
}

/** An executor of one thread, or of none before `open` has been called. */
export const simulatedThreads = (options: SimulatedThreadOptions): PoolExecutor => ({
  name: "simulated",
  boundary: "codec",
  maxChunk: options.most,
  open: (scheduler) => Effect.sync(() => scheduler.join(new SimulatedThread(scheduler, options)))
})

interface Held {
  readonly chunk: Executor.Chunk
  readonly at: number
  stop: Executor.Cancel | undefined
}

/** Results of a block that wait to be reported. */
interface Unreported {
  readonly from: number
  readonly values: Array<unknown>
}

class SimulatedThread implements Executor.WorkerHandle {
  readonly name = "thread"
  readonly concurrency: number
  readonly window: number
  readonly takesEncoded: boolean
  private readonly scheduler: Executor.Scheduler
  private readonly options: SimulatedThreadOptions
  private waiting: Array<Held> = []
  private readonly running = new Set<Held>()
  private readonly payloads = new Map<Executor.Chunk, ReadonlyArray<unknown>>()
  private readonly unreported = new Map<Executor.Chunk, Unreported>()
  private pulling = false

  constructor(scheduler: Executor.Scheduler, options: SimulatedThreadOptions) {
    this.scheduler = scheduler
    this.options = options
    this.concurrency = options.slots
    this.window = options.most
    this.takesEncoded = options.codecs !== undefined
  }

  wake(): void {
    this.pull()
  }

  private pull(): void {
    if (this.pulling) return
    this.pulling = true
    const { dice, most, process } = this.options
    while (this.waiting.length + this.running.size < most && !process.isDead) {
      const chunk = this.scheduler.take(this, most)
      if (chunk === undefined) break
      this.add(chunk)
      if (dice.chance(0.05)) this.giveBack()
      this.start()
    }
    this.start()
    this.pulling = false
  }

  private add(chunk: Executor.Chunk): void {
    const { encoded, size } = chunk
    if (encoded !== undefined) {
      this.payloads.set(chunk, this.codecsOf(encoded.name).payload.decode(encoded.payloads, size))
    }
    for (let at = 0; at < size; at++) this.waiting.push({ chunk, at, stop: undefined })
  }

  /** The last tasks that wait. */
  private giveBack(): void {
    const kept = this.options.dice.below(this.waiting.length + 1)
    for (const { at, chunk } of this.waiting.splice(kept).reverse()) {
      this.scheduler.requeue(chunk, at, at + 1)
      this.reportIfLast(chunk)
    }
  }

  private start(): void {
    while (this.running.size < this.concurrency && !this.options.process.isDead) {
      const next = this.waiting.shift()
      if (next === undefined) return
      this.run(next)
    }
  }

  private run(held: Held): void {
    const { process } = this.options
    const { at, chunk } = held
    const encoded = this.payloads.get(chunk)
    const item = encoded === undefined ? chunk.items[at] : undefined
    const attempt = item?.attempt ?? 1
    const { id, millis, times } = (item?.payload ?? encoded![at]) as Payload
    const line = { id, thread: process.number, attempt }
    this.running.add(held)
    process.record({ what: "start", ...line })
    if ((item?.name ?? chunk.encoded!.name) === "Kill" && attempt <= times) {
      process.record({ what: "kills", ...line })
      return process.killed()
    }
    held.stop = this.scheduler.after(millis ?? 0, () => {
      if (process.isDead) return
      this.running.delete(held)
      process.record({ what: "end", ...line })
      this.ended(held, { id, pid: process.number }, 1000 * (millis ?? 0))
      this.start()
      this.pull()
    })
  }

  private ended({ at, chunk }: Held, value: unknown, micros: number): void {
    if (chunk.encoded === undefined) {
      this.scheduler.recordBusy([chunk.items[at]], micros)
      return this.scheduler.succeed(chunk, at, value)
    }
    const before = this.unreported.get(chunk)
    if (before !== undefined && before.from + before.values.length === at) {
      before.values.push(value)
    } else {
      if (before !== undefined) this.report(chunk)
      this.unreported.set(chunk, { from: at, values: [value] })
    }
    if (this.options.dice.chance(0.3)) this.report(chunk)
    else this.reportIfLast(chunk)
  }

  private reportIfLast(chunk: Executor.Chunk): void {
    if (this.unreported.has(chunk) && !this.waiting.some((held) => held.chunk === chunk)) this.report(chunk)
  }

  private report(chunk: Executor.Chunk): void {
    const { from, values } = this.unreported.get(chunk)!
    this.unreported.delete(chunk)
    const { name, succeed } = chunk.encoded!
    succeed(from, from + values.length, this.codecsOf(name).success.encode(values, Infinity) as Uint8Array, 1)
  }

  private codecsOf(name: string): TaskCodecs {
    return this.options.codecs!(name)!
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    if (this.options.process.isDead) return
    const isIt = (held: Held) => held.chunk === chunk && held.at === at
    const waiting = this.waiting.findIndex(isIt)
    if (waiting !== -1) {
      this.waiting.splice(waiting, 1)
      this.scheduler.requeue(chunk, at, at + 1)
      return this.reportIfLast(chunk)
    }
    const running = Array.from(this.running).find(isIt)
    if (running === undefined) return
    running.stop!()
    this.running.delete(running)
    this.scheduler.fail(chunk, at, { _tag: "Interrupted", trace: "" })
    this.start()
    this.pull()
  }
}
