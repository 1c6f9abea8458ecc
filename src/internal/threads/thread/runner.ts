/**
 * Runs chunks in a worker thread: claims items, starts their handlers, collects
 * outcomes and sends them as they come, and knows which item an error outside of
 * every handler belongs to.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import { AsyncLocalStorage } from "node:async_hooks"
import type { Item, WireFailure } from "../../../Executor.ts"
import { Deque } from "../../deque.ts"
import { CodecError } from "../../encoding/codec.ts"
import { fromColumns, type ListShape, type Shape, toColumns } from "../../encoding/columns.ts"
import type { Handler } from "../../handlers/handler.ts"
import type { Handlers } from "../../handlers/handlers.ts"
import { type HandlerOutcome, undecodable, wireDefect } from "../../handlers/outcome.ts"
import { TimeSlice } from "../../handlers/timeSlice.ts"
import type { Extras, FromThread, Results, ToThread } from "../protocol/messages.ts"
import type { ThreadOutbox } from "../protocol/outbox.ts"
import type { SharedState } from "../protocol/sharedState.ts"
import { buffersOf, copyLarge } from "../protocol/transfer.ts"

/** Outcomes wait no longer than this for others to be sent with, in milliseconds. */
const FLUSH = 1

/** How long tasks that do not suspend may keep the event loop of the thread, in milliseconds. */
const SLICE = 8

/** Results that have a shape in common. */
interface Bucket {
  readonly shape: Shape | ListShape | undefined
  readonly at: Array<number>
  readonly values: Array<unknown>
  /** Each item follows the one before. */
  follow: boolean
}

/** A chunk in the thread. */
class ThreadChunk {
  readonly id: number
  readonly slot: number
  readonly extras: Extras | undefined
  readonly payloads: ReadonlyArray<unknown>
  private readonly names: ReadonlyArray<string>
  private readonly kinds: ReadonlyArray<number> | undefined
  private readonly handlers: ReadonlyArray<Handler | undefined>
  /** Items that have started and not ended. */
  running = 0
  /** No item is left to claim. */
  exhausted = false
  /** It has been said that no outcome follows. */
  landed = false
  /** What has ended and not been sent, by what the results have in common. */
  private ended: Array<Bucket> = []
  private failures: Array<readonly [at: number, failure: WireFailure]> = []
  /** Buffers of the values that are given up. */
  moved: Array<ArrayBuffer> = []

  constructor(message: Extract<ToThread, readonly ["run", ...ReadonlyArray<unknown>]>, handlers: Handlers) {
    const [, id, slot, names, kinds, packed, extras] = message
    this.id = id
    this.slot = slot
    this.extras = extras
    this.names = names
    this.kinds = kinds
    this.handlers = names.map((name) => handlers.get(name))
    if (kinds === undefined) {
      this.payloads = fromColumns(packed[0])
    } else {
      const payloads = packed.map(fromColumns)
      const taken = packed.map(() => 0)
      this.payloads = kinds.map((kind) => payloads[kind][taken[kind]++])
    }
  }

  nameOf(at: number): string {
    return this.names[this.kinds === undefined ? 0 : this.kinds[at]]
  }

  handlerOf(at: number): Handler | undefined {
    return this.handlers[this.kinds === undefined ? 0 : this.kinds[at]]
  }

  /** Whether outcomes wait to be sent. */
  get waits(): boolean {
    return this.ended.length > 0 || this.failures.length > 0
  }

  /** Whether there is something to say: outcomes, or that none will follow. */
  get due(): boolean {
    return this.waits || (this.done && !this.landed)
  }

  /** No outcome is to follow. */
  get done(): boolean {
    return this.exhausted && this.running === 0
  }

  succeed(at: number, value: unknown, shape: Shape | ListShape | undefined): void {
    let i = 0
    while (i < this.ended.length && this.ended[i].shape !== shape) i++
    if (i === this.ended.length) {
      this.ended.push({ shape, at: [at], follow: true, values: [value] })
      return
    }
    const same = this.ended[i]
    if (same.at[same.at.length - 1] + 1 !== at) same.follow = false
    same.at.push(at)
    same.values.push(value)
  }

  fail(at: number, failure: WireFailure): void {
    this.failures.push([at, failure])
  }

  /** Takes the outcomes that wait. */
  take(): readonly [results: ReadonlyArray<Results>, failures: ReadonlyArray<readonly [number, WireFailure]>] {
    const results = this.ended.map(({ at, follow, shape, values }): Results => ({
      at: follow ? at[0] : at,
      packed: toColumns(shape, values)
    }))
    const { failures } = this
    this.ended = []
    this.failures = []
    return [results, failures]
  }
}

/** A task that runs: whose error it is when something is thrown outside of a handler. */
class RunningTask {
  readonly chunk: ThreadChunk
  readonly at: number
  readonly since: number
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  timer: ReturnType<typeof setTimeout> | undefined
  timedOut = false
  /** It was told to stop: its thread is ended unless that is heard of. */
  stopping = false
  over = false

  constructor(chunk: ThreadChunk, at: number, since: number) {
    this.chunk = chunk
    this.at = at
    this.since = since
  }
}

/**
 * What asynchronous work is marked with, to tell whose it is. Entering a mark costs
 * as much as a trivial task, so tasks of types that have always ended at once share
 * one. A task that suspends under a shared mark keeps it; if others ended under it
 * before, what throws later may be theirs.
 */
class Mark {
  run: RunningTask | undefined
  shared: boolean

  constructor(run: RunningTask | undefined) {
    this.run = run
    this.shared = false
  }
}

export class ThreadRunner {
  private readonly handlers: Handlers
  private readonly claims: SharedState
  private readonly outbox: ThreadOutbox<FromThread>
  private readonly poll: () => boolean
  private readonly concurrency: number
  private readonly chunks = new Deque<ThreadChunk>()
  private readonly runs = new Map<number, Map<number, RunningTask>>()
  private readonly marks = new AsyncLocalStorage<Mark>()
  /** The mark of tasks that end at once, while it is entered. */
  private common: Mark | undefined
  private readonly slice = new TimeSlice(SLICE)
  private readonly flushing = new TimeSlice(FLUSH)
  private running = 0
  private pumping = false
  private paused = false
  /** An error outside of every handler was heard of. */
  private faulted = false
  private mark = 0

  /** `poll` receives messages that wait, if there are any. */
  constructor(
    handlers: Handlers,
    claims: SharedState,
    outbox: ThreadOutbox<FromThread>,
    poll: () => boolean,
    concurrency: number
  ) {
    this.handlers = handlers
    this.claims = claims
    this.outbox = outbox
    this.poll = poll
    this.concurrency = concurrency
  }

  receive(message: ToThread): void {
    switch (message[0]) {
      case "run": {
        const chunk = new ThreadChunk(message, this.handlers)
        // The main thread may not have heard of it yet.
        if (this.faulted) this.refuse(chunk)
        this.chunks.push(chunk)
        return this.pump()
      }
      case "cancel":
        return this.stop(this.runs.get(message[1])?.get(message[2]))
    }
  }

  private stop(run: RunningTask | undefined): void {
    if (run === undefined) return
    run.stopping = true
    run.fiber?.interruptUnsafe()
  }

  // --- starting --------------------------------------------------------------

  private pump(): void {
    if (this.pumping || this.paused) return
    this.pumping = true
    // Another turn of the event loop has another mark.
    this.common = undefined
    this.slice.begin()
    this.flushing.begin()
    // What has ended and is still to be reported is measured until then.
    if (this.running === 0 && this.soon.size === 0) this.mark = performance.now()
    while (this.running < this.concurrency) {
      const chunk = this.chunks.first
      if (chunk === undefined) {
        if (this.poll()) continue
        break
      }
      const at = this.claims.claim(chunk.slot)
      if (at === -1) {
        this.chunks.shift()
        chunk.exhausted = true
        if (chunk.due) {
          this.flush(chunk)
          // The first task of the next one may be long: what has ended must not wait for it.
          this.outbox.send()
        }
        continue
      }
      this.start(chunk, at)
      if (this.flushing.over()) {
        this.flush(chunk)
        this.outbox.send()
        this.poll()
        this.flushing.begin()
      }
      if (this.slice.over()) {
        this.paused = true
        setImmediate(() => {
          this.paused = false
          this.pump()
        })
        break
      }
    }
    this.claims.leave()
    const chunk = this.chunks.first
    if (chunk !== undefined && chunk.waits) this.flush(chunk)
    this.outbox.send()
    this.pumping = false
  }

  private start(chunk: ThreadChunk, at: number): void {
    const handler = chunk.handlerOf(at)
    if (handler === undefined) return this.settle(chunk, at, { _tag: "UnknownTask" })
    this.claims.enter(chunk.slot, at)
    const timeout = chunk.extras?.timeouts?.[at]
    const run = new RunningTask(chunk, at, timeout === undefined ? 0 : performance.now())
    const mark = this.enter(handler, run)
    const item = itemOf(chunk, at)
    const effect = handler.begin(item)
    if (!(effect instanceof CodecError) && !Exit.isExit(effect)) {
      const fiber = Effect.runForkWith(handler.contextFor(item, undefined))(effect)
      const exit = fiber.pollUnsafe()
      if (exit === undefined) {
        mark.run = run
        this.common = undefined
        return this.suspend(run, handler, fiber, timeout)
      }
      handler.suspends ??= false
      return this.ended(run, handler, exit, timeout)
    }
    handler.suspends ??= false
    if (effect instanceof CodecError) this.settle(chunk, at, undecodable("payload", effect))
    else this.ended(run, handler, effect, timeout)
  }

  private enter(handler: Handler, run: RunningTask): Mark {
    if (handler.suspends === false) {
      if (this.common !== undefined) {
        this.common.shared = true
        return this.common
      }
      this.common = new Mark(undefined)
      this.marks.enterWith(this.common)
      return this.common
    }
    const mark = new Mark(run)
    this.common = undefined
    this.marks.enterWith(mark)
    return mark
  }

  private suspend(
    run: RunningTask,
    handler: Handler,
    fiber: Fiber.Fiber<unknown, unknown>,
    timeout: number | undefined
  ): void {
    const { at, chunk } = run
    handler.suspends = true
    run.fiber = fiber
    this.running++
    chunk.running++
    const runs = this.runs.get(chunk.id) ?? new Map<number, RunningTask>()
    this.runs.set(chunk.id, runs.set(at, run))
    fiber.addObserver((exit) => {
      runs.delete(at)
      if (runs.size === 0) this.runs.delete(chunk.id)
      this.running--
      chunk.running--
      if (!run.over) this.ended(run, handler, exit, timeout)
      if (run.stopping) this.send(chunk)
      else if (chunk.due) this.flushSoon(chunk)
      this.pump()
    })
    if (timeout !== undefined) this.limit(run, timeout)
  }

  /** Interrupts the task when its time is over. Timers fire up to two milliseconds early: it then waits again. */
  private limit(run: RunningTask, timeout: number): void {
    const left = timeout - (performance.now() - run.since)
    if (left > 0) {
      run.timer = setTimeout(() => this.limit(run, timeout), left)
    } else {
      run.timedOut = true
      this.stop(run)
    }
  }

  private ended(
    run: RunningTask,
    handler: Handler,
    exit: Exit.Exit<unknown, unknown>,
    timeout: number | undefined
  ): void {
    run.over = true
    if (run.timer !== undefined) clearTimeout(run.timer)
    const took = timeout === undefined ? 0 : performance.now() - run.since
    if (timeout !== undefined && (run.timedOut || took > timeout)) {
      this.settle(run.chunk, run.at, { _tag: "TimedOut", millis: timeout })
    } else {
      const ended = handler.end(exit)
      this.settle(run.chunk, run.at, ended._tag === "Success" ? moving(ended, handler, run.chunk.moved) : ended)
    }
    // Before the main thread takes what comes next for this one, still at work.
    if (took > FLUSH) this.send(run.chunk)
  }

  // --- reporting -------------------------------------------------------------

  private settle(chunk: ThreadChunk, at: number, ended: HandlerOutcome): void {
    this.claims.end(chunk.slot, at)
    if (ended._tag === "Success") chunk.succeed(at, ended.value, chunk.handlerOf(at)?.resultShape)
    else chunk.fail(at, ended)
    if (chunk.extras?.once === true) this.send(chunk)
  }

  private send(chunk: ThreadChunk): void {
    if (chunk.due) this.flush(chunk)
    this.outbox.send()
  }

  private readonly soon = new Set<ThreadChunk>()

  /** Sends with what else ends in this turn of the event loop. */
  private flushSoon(chunk: ThreadChunk): void {
    this.soon.add(chunk)
    if (this.soon.size > 1) return
    setImmediate(() => {
      const chunks = Array.from(this.soon)
      this.soon.clear()
      for (const chunk of chunks) {
        if (chunk.due) this.flush(chunk)
      }
      this.outbox.send()
    })
  }

  private flush(chunk: ThreadChunk): void {
    const now = performance.now()
    const micros = (now - this.mark) * 1000
    this.mark = now
    chunk.landed = chunk.done
    this.outbox.add(["done", chunk.id, ...chunk.take(), micros, chunk.landed])
    if (chunk.moved.length > 0) this.outbox.move(chunk.moved.splice(0))
  }

  // --- faults ----------------------------------------------------------------

  /** An error outside of every handler: of the task whose asynchronous work threw it, if that still runs. */
  fault(error: unknown): void {
    const mark = this.marks.getStore()
    const run = mark?.run
    const failure = wireDefect(error)
    this.faulted = true
    for (const chunk of this.chunks) this.refuse(chunk)
    if (run === undefined || run.over) {
      this.outbox.add(["fault", -1, -1, failure])
    } else if (mark!.shared) {
      this.outbox.add(["doubt"])
    } else {
      run.over = true
      this.outbox.add(["fault", run.chunk.id, run.at, failure])
      run.fiber?.interruptUnsafe()
    }
    this.outbox.send()
  }

  /** The thread is to be replaced, and starts nothing more but what was moved here and cannot be run elsewhere. */
  private refuse(chunk: ThreadChunk): void {
    if (chunk.handlerOf(0)?.movesPayload !== true) this.claims.revoke(chunk.slot)
  }

  /** The thread is exiting: says because of whom, where it is known. */
  exiting(): void {
    const mark = this.marks.getStore()
    const run = mark?.run
    if (run !== undefined && !run.over && !mark!.shared) this.claims.blame(run.chunk.slot, run.at)
  }
}

/** The result as it is sent, and what of it is moved. The handler may have kept what it does not give up. */
const moving = (
  ended: Extract<HandlerOutcome, { readonly _tag: "Success" }>,
  { movesResult, withBytes }: Handler,
  moved: Array<ArrayBuffer>
): HandlerOutcome => {
  if (movesResult) moved.push(...buffersOf(ended.value))
  else if (withBytes !== undefined) {
    return { _tag: "Success", value: withBytes(ended.value, (bytes) => copyLarge(bytes, moved)) }
  }
  return ended
}

/** Something in the message cannot be cloned: it becomes the failure of its item alone. */
export const withoutUnclonable = (message: FromThread): FromThread => {
  if (message[0] !== "done") return message
  const [tag, chunk, results, failures, micros, last] = message
  const failed = failures.map(([at, failure]) => [at, uncloned(failure, "error") ?? failure] as const)
  const sent = results.map(({ at, packed }): Results => {
    const indices: Array<number> = []
    const values: Array<unknown> = []
    fromColumns(packed).forEach((value, i) => {
      const index = typeof at === "number" ? at + i : at[i]
      const failure = uncloned(value, "success")
      if (failure === undefined) {
        indices.push(index)
        values.push(value)
      } else {
        failed.push([index, failure])
      }
    })
    return { at: indices, packed: toColumns(undefined, values) }
  })
  return [tag, chunk, sent, failed, micros, last]
}

const uncloned = (value: unknown, part: "error" | "success"): WireFailure | undefined => {
  try {
    structuredClone(value)
    return undefined
  } catch (error) {
    return { _tag: "Undecodable", part, message: String(error) }
  }
}

/** What a handler is told of its item. */
const itemOf = (chunk: ThreadChunk, at: number): Item => {
  const extras = chunk.extras
  const span = extras?.spans?.[at]
  return {
    name: chunk.nameOf(at),
    payload: chunk.payloads[at],
    attempt: extras?.attempts?.[at] ?? 1,
    taskTimeout: extras?.timeouts?.[at],
    idempotent: extras?.once !== true,
    span: span === undefined ? undefined : Tracer.externalSpan(span),
    transfer: undefined,
    depth: 0
  }
}
