/**
 * Runs the requests of a worker thread: claims their items one by one, starts the handlers, and keeps the tasks that
 * suspend. An item is started only after it was claimed. A fault outside of every handler stops the claiming, since
 * the main thread is going to replace the thread.
 */
import { thread } from "#platform"
import type * as Exit from "effect/Exit"
import { Deque } from "../../deque.ts"
import { CodecError } from "../../encoding/codec.ts"
import type { Handler } from "../../handlers/handler.ts"
import * as HandlerRun from "../../handlers/handlerRun.ts"
import type { Handlers } from "../../handlers/handlers.ts"
import { isExit, undecodable, wireDefect } from "../../handlers/outcome.ts"
import { TimeSlice } from "../../handlers/timeSlice.ts"
import type { FromThread, ToThread } from "../protocol/messages.ts"
import type { ThreadOutbox } from "../protocol/outbox.ts"
import type { ItemStates } from "../protocol/sharedState.ts"
import { Attribution } from "./attribution.ts"
import type { EncodedTasks } from "./encodedTasks.ts"
import { Reports } from "./reports.ts"
import { RunningTask } from "./runningTask.ts"
import { snapshotOutcome } from "./snapshotOutcome.ts"
import { ThreadRequest } from "./threadRequest.ts"

/** How long outcomes wait for others to be sent with, in milliseconds, if the thread may soon have nothing to do. */
const FLUSH = 1

/** How long outcomes wait for others while much is left to do: a message costs each side as much as dozens of tasks. */
const LONGEST_FLUSH = 4

/** So many milliseconds of work are left to do: the main thread can send more before they have passed. */
const ENOUGH_LEFT = 2

/** How long tasks that do not suspend may keep the event loop of the thread, in milliseconds. */
const SLICE = 8

export class ThreadRunner {
  private readonly handlers: Handlers
  private readonly sharedState: ItemStates
  private readonly outbox: ThreadOutbox<FromThread>
  private readonly poll: () => boolean
  private readonly concurrency: number
  private readonly encoded: EncodedTasks | undefined
  private readonly reports: Reports
  private readonly attribution = new Attribution()
  /** Requests with items that may be left to claim. */
  private readonly requests = new Deque<ThreadRequest>()
  /** Tasks that have suspended, by request and item. */
  private readonly suspended = new Map<number, Map<number, RunningTask>>()
  /** The number of suspended tasks. */
  private running = 0
  private readonly slice = new TimeSlice(SLICE)
  private readonly flushSlice = new TimeSlice(FLUSH)
  /** Items that were started since outcomes were last sent. */
  private startedSinceFlush = 0
  /** Ticks of the monitor that were seen. */
  private ticks = 0
  private pumping = false
  /** The time slice is used up: nothing starts before the next turn of the event loop. */
  private paused = false
  /** An error was thrown outside of every handler. */
  private faulted = false
  /** Items were revoked before the thread came to claim them. */
  private revoked = false

  /**
   * @param poll receives a message that waits; returns whether there was one
   * @param encoded for requests with encoded payloads
   */
  constructor(
    handlers: Handlers,
    sharedState: ItemStates,
    outbox: ThreadOutbox<FromThread>,
    poll: () => boolean,
    concurrency: number,
    encoded?: EncodedTasks
  ) {
    this.handlers = handlers
    this.sharedState = sharedState
    this.outbox = outbox
    this.poll = poll
    this.concurrency = concurrency
    this.encoded = encoded
    this.reports = new Reports(sharedState, outbox)
  }

  receive(message: ToThread): void {
    switch (message[0]) {
      case "run": {
        const request = new ThreadRequest(message, this.handlers, this.encoded)
        this.sharedState.received(request.requestSlot, request.size)
        // The main thread may have sent it before it learned of the fault.
        if (this.faulted) this.refuse(request)
        this.requests.push(request)
        return this.pump()
      }
      case "cancel":
        return this.cancel(message[1], message[2])
      case "sync":
        return this.sync(message[1])
    }
  }

  private cancel(id: number, at: number): void {
    this.suspended.get(id)?.get(at)?.cancel()
    if (this.sharedState.retracts) return
    for (const request of this.requests) if (request.id === id) this.sharedState.markCancelled(request.requestSlot, at)
  }

  /** Sends all outcomes that the thread has, and the requests of which more follow. */
  private sync(id: number): void {
    const requests = new Set([...this.requests, ...this.reports.unreported])
    for (const tasks of this.suspended.values()) for (const { request } of tasks.values()) requests.add(request)
    for (const request of requests) if (request.reportable) this.reports.flush(request)
    const open = Array.from(requests).filter(({ closed }) => !closed)
    this.outbox.add(["synced", id, open.map(({ id }) => id)])
    this.outbox.send()
  }

  // --- claiming --------------------------------------------------------------

  private pump(): void {
    if (this.pumping || this.paused) return
    this.pumping = true
    this.attribution.startTurn()
    this.slice.begin()
    this.beginFlushSlice()
    // While tasks run, or outcomes wait to be reported, the time since the last report is theirs.
    if (this.running === 0 && !this.reports.pending) this.reports.startClock()
    while (this.running < this.concurrency) {
      const request = this.requests.first
      if (request === undefined) {
        if (this.poll()) continue
        break
      }
      const at = request.exhausted ? -1 : this.sharedState.claim(request.requestSlot)
      if (at === -1) {
        this.requests.shift()
        if (!request.exhausted) request.exhaust(this.sharedState.claimed(request.requestSlot))
        if (request.revoked) this.revoked = true
        if (request.reportable) this.report(request)
        continue
      }
      this.start(request, at)
      this.startedSinceFlush++
      const ticked = this.hasTicked()
      if (this.flushSlice.over(ticked) && !this.outcomesCanWait) {
        if (!request.closed) this.reports.flush(request)
        this.outbox.send()
        this.poll()
        this.beginFlushSlice()
      }
      if (this.slice.over(ticked)) {
        this.pause()
        break
      }
    }
    this.sharedState.leaveItem()
    const request = this.requests.first
    if (request !== undefined && request.hasOutcomes) this.reports.flush(request)
    if (this.revoked) this.reportVacancy()
    this.outbox.send()
    this.pumping = false
  }

  private beginFlushSlice(): void {
    this.flushSlice.begin()
    this.startedSinceFlush = 0
  }

  /** The thread has enough to do, and none of the outcomes would be old after one more item of the present length. */
  private get outcomesCanWait(): boolean {
    const { elapsed } = this.flushSlice
    const expected = elapsed / this.startedSinceFlush
    if (elapsed + expected > LONGEST_FLUSH) return false
    let left = 0
    for (const request of this.requests) {
      if (!request.exhausted) left += request.size - this.sharedState.claimed(request.requestSlot)
    }
    return left * expected > ENOUGH_LEFT
  }

  /**
   * Reports a request of which nothing is left to claim, before the first task of the next one, which may be long. Tasks
   * that come encoded are expected to be short: the outcomes of several such requests are sent together.
   */
  private report(request: ThreadRequest): void {
    if (request.isEncoded && this.requests.length === 0) this.poll()
    if (request.isEncoded && this.requests.first?.isEncoded === true) this.reports.flush(request)
    else this.reports.send(request)
  }

  /** Whether the monitor of the main thread has ticked since this was last asked. */
  private hasTicked(): boolean {
    const { ticks } = this.sharedState
    if (ticks === this.ticks) return false
    this.ticks = ticks
    return true
  }

  /** The main thread sends nothing to a thread from which it revoked items, until it hears of it. */
  private reportVacancy(): void {
    this.revoked = false
    if (this.running > 0 && this.running < this.concurrency && this.requests.length === 0) this.outbox.add(["vacant"])
  }

  private pause(): void {
    this.paused = true
    thread.soon(() => {
      this.paused = false
      this.pump()
    })
  }

  /** Starts nothing more of a request, unless its buffers were moved here, so that it cannot run elsewhere. */
  private refuse(request: ThreadRequest): void {
    if (!request.exhausted && request.handlerOf(0)?.movesPayload !== true) this.sharedState.revoke(request.requestSlot)
  }

  // --- one task --------------------------------------------------------------

  private start(request: ThreadRequest, at: number): void {
    const handler = request.handlerOf(at)
    if (handler === undefined) return this.reports.settle(request, at, { _tag: "UnknownTask" })
    this.sharedState.enterItem(request.requestSlot, at)
    const timeout = request.extras?.timeouts?.[at]
    const since = timeout === undefined ? 0 : performance.now()
    // Nothing is made for a task that is expected to end when its handler returns, and does.
    let task = handler.suspends === false ? undefined : new RunningTask(request, at, since)
    const mark = task === undefined ? this.attribution.enterCommon() : this.attribution.enter(task)
    const encoded = request.takePayload(at)
    const payload = encoded instanceof CodecError ? encoded : handler.decode(encoded)
    // To decode a payload may take long. The main thread waits for any outcome.
    if (this.sharedState.isCancelled(request.requestSlot, at)) {
      this.reports.settle(request, at, { _tag: "Interrupted", trace: "" })
      return this.reports.send(request)
    }
    if (payload instanceof CodecError) {
      handler.suspends ??= false
      return this.reports.settle(request, at, undecodable("payload", payload))
    }
    const start = request.startOf(at)
    const effect = handler.call(payload, start, request.size)
    let exit: Exit.Exit<unknown, unknown> | undefined
    // A handler that is done when it returns needs no fiber.
    if (isExit(effect)) {
      exit = effect
    } else {
      task ??= new RunningTask(request, at, since)
      exit = HandlerRun.start(task, effect, handler.contextFor(start, undefined))
      if (exit === undefined) {
        this.attribution.suspended(task, mark)
        return this.suspend(task, handler, timeout)
      }
    }
    handler.suspends ??= false
    task?.end()
    const took = timeout === undefined ? 0 : performance.now() - since
    this.ended(request, at, handler, timeout !== undefined && took > timeout ? undefined : exit, took)
  }

  private suspend(
    task: RunningTask,
    handler: Handler,
    timeout: number | undefined
  ): void {
    const { at, request } = task
    handler.suspends = true
    this.running++
    request.running++
    const tasks = this.suspended.get(request.id) ?? new Map<number, RunningTask>()
    this.suspended.set(request.id, tasks.set(at, task))
    if (timeout !== undefined) task.limit(timeout)
    HandlerRun.onEnd(task, (exit) => {
      tasks.delete(at)
      if (tasks.size === 0) this.suspended.delete(request.id)
      this.running--
      request.running--
      if (!task.over) {
        task.end()
        const took = timeout === undefined ? 0 : performance.now() - task.since
        const timedOut = timeout !== undefined && (task.stopping === "timedOut" || took > timeout)
        this.ended(request, at, handler, timedOut ? undefined : exit, took)
      }
      // The main thread terminates this one unless it learns soon that the task has stopped.
      if (task.stopping !== undefined) this.reports.send(request)
      else if (request.reportable) this.reports.sendSoon(request)
      this.pump()
    })
  }

  /**
   * @param exit `undefined` if the item has timed out
   * @param took milliseconds; 0 if it has no timeout
   */
  private ended(
    request: ThreadRequest,
    at: number,
    handler: Handler,
    exit: Exit.Exit<unknown, unknown> | undefined,
    took: number
  ): void {
    this.reports.settle(
      request,
      at,
      exit === undefined
        ? { _tag: "TimedOut", millis: request.extras!.timeouts![at]! }
        : snapshotOutcome(handler.end(exit), handler, request.transferred)
    )
    // The main thread must not take the next item for this one, still at work past its deadline.
    if (took > FLUSH) this.reports.send(request)
  }

  // --- faults ----------------------------------------------------------------

  /** An error was thrown outside of every handler. */
  fault(error: unknown): void {
    const culprit = this.attribution.culprit()
    const failure = wireDefect(error)
    this.faulted = true
    for (const request of this.requests) this.refuse(request)
    if (culprit === "ambiguous" || (culprit === undefined && this.running > 0 && !thread.attributesFaults)) {
      this.outbox.add(["ambiguousFault", failure])
    } else if (culprit === undefined) {
      this.outbox.add(["fault", -1, -1, failure])
    } else {
      culprit.over = true
      this.outbox.add(["fault", culprit.request.id, culprit.at, failure])
      HandlerRun.interrupt(culprit)
    }
    this.outbox.send()
  }

  /** The thread is exiting: names the item that made it exit, if that is known. */
  exiting(): void {
    const culprit = this.attribution.culprit()
    if (culprit instanceof RunningTask) this.sharedState.setCulprit(culprit.request.requestSlot, culprit.at)
  }
}
