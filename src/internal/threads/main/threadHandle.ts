/**
 * One worker thread, as the scheduler's worker: takes chunks for it, sends them as requests, settles their outcomes,
 * revokes the items behind long ones, and ends the thread if an item does not stop. It composes the files beside
 * it; the state of the thread changes only by the events of `threadState.ts`, and every item that it has taken is
 * settled, given back, or reported as lost when the thread exits.
 */
import { platform } from "#platform"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type * as Executor from "../../../Executor.ts"
import * as Codec from "../../encoding/codec.ts"
import type { ThreadConnection } from "../../platform/platform.ts"
import { clampTimeout } from "../../timeout.ts"
import type { Done, FromThread, RunRequest, ToThread } from "../protocol/messages.ts"
import { SentItems } from "../protocol/messageState.ts"
import { ThreadOutbox } from "../protocol/outbox.ts"
import { type ItemStates, SharedState } from "../protocol/sharedState.ts"
import { Deadlines } from "./deadlines.ts"
import { Delivery } from "./delivery.ts"
import { encodeRequest, withoutPayloads, withoutUnclonable } from "./encodeRequest.ts"
import { canBeStolen, InFlightWork } from "./flowControl.ts"
import { Lifetime } from "./lifetime.ts"
import { lossOf } from "./loss.ts"
import { settleOutcomes } from "./outcomes.ts"
import { Progress } from "./progress.ts"
import type { Request, RequestSegment } from "./request.ts"
import { Requests } from "./requests.ts"
import { TelemetryReceiver } from "./telemetryReceiver.ts"
import { isTraced } from "./telemetryReplay.ts"
import type { ThreadEnvironment, ThreadListener } from "./threadEnvironment.ts"
import { ThreadState } from "./threadState.ts"
import { startThread } from "./worker.ts"

export class ThreadHandle implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency: number
  readonly window: number
  readonly moves = true
  readonly retracts: boolean
  readonly takesEncoded: boolean
  /** The time since when it has nothing to do. */
  idleSince: number | undefined
  private readonly environment: ThreadEnvironment
  private readonly listener: ThreadListener<ThreadHandle>
  private readonly connection: ThreadConnection
  private readonly outbox: ThreadOutbox<ToThread>
  private readonly state = new ThreadState()
  private readonly sharedState: ItemStates
  private readonly requests: Requests
  private readonly progress: Progress
  private readonly deadlines: Deadlines
  private readonly delivery: Delivery
  private readonly telemetry: TelemetryReceiver
  private readonly lifetime: Lifetime
  /** Items that the thread has settled. */
  private settled = 0
  /** The error that the thread exits with, or why it cannot use the handlers module. */
  private error: unknown
  /** Why it was terminated. */
  private terminated: string | undefined
  /** Terminates the thread if it does not end in good order. */
  private endTimer: ReturnType<typeof setTimeout> | undefined

  constructor(name: string, environment: ThreadEnvironment, listener: ThreadListener<ThreadHandle>) {
    const { context, log, options, scheduler } = environment
    const { concurrency, group, module } = options
    this.name = name
    this.concurrency = concurrency
    this.takesEncoded = options.relays === true && module.source === undefined
    this.window = 2 * Math.max(SharedState.chunkItems, concurrency)
    this.environment = environment
    this.listener = listener
    const shared = platform.sharesMemory() ? SharedState.make(concurrency) : undefined
    const sharedState = this.sharedState = shared === undefined ? new SentItems(concurrency) : new SharedState(shared)
    this.retracts = sharedState.retracts
    this.requests = new Requests(sharedState, scheduler)
    this.progress = new Progress(this.requests, concurrency)
    this.deadlines = new Deadlines(this.requests, options.gracePeriod)
    this.telemetry = new TelemetryReceiver(name, context, sharedState, log, () => this.send(["moreTelemetry"]))
    this.lifetime = new Lifetime(options.maxTasksPerWorker, performance.now())
    this.connection = startThread(
      name,
      options,
      {
        relays: this.takesEncoded,
        names: Array.from(group.tasks.keys()),
        concurrency,
        traced: isTraced(context),
        spanAttributes: scheduler.spanAttributes(name),
        minimumLogLevel: Context.get(context, References.MinimumLogLevel),
        shared
      },
      {
        message: this.receive,
        unreadable: (error) => this.unreadable(error),
        error: (error) => {
          this.error = error
        },
        exit: this.exited
      }
    )
    this.outbox = new ThreadOutbox(
      this.connection.post,
      [this.repairWith(withoutUnclonable), this.repairWith(withoutPayloads)]
    )
    this.delivery = new Delivery(
      this.requests,
      (syncId) => this.send(["sync", syncId]),
      this.fail,
      (request) => this.close(request)
    )
  }

  get eventLoop(): Executor.WorkerHandle["eventLoop"] {
    return this.connection.eventLoop
  }

  get heapBytes(): Executor.WorkerHandle["heapBytes"] {
    return this.connection.heapBytes
  }

  get starting(): boolean {
    return this.state.starting
  }

  /** Items that wait for a slot of it. */
  get waiting(): number {
    return Math.max(0, this.requests.open - this.concurrency)
  }

  get busy(): boolean {
    return !this.requests.empty
  }

  /** It can be sent work, and has a free slot. */
  get hasFreeSlot(): boolean {
    return this.state.acceptsWork && this.tasksLeft > 0 && this.requests.open < this.concurrency
  }

  /** Tasks that it may still be sent. */
  private get tasksLeft(): number {
    return this.environment.options.maxTasksPerWorker - this.requests.sent
  }

  /** A slot of it is free for good: it has been sent all tasks that it may run. */
  private get usedUp(): boolean {
    return this.tasksLeft <= 0 && this.requests.open < this.concurrency
  }

  /** Whether it keeps the process alive: not while it is ready and has nothing to do. */
  keepAlive(keeps: boolean): void {
    if (keeps || this.state.ending) this.connection.keepAlive(true)
    else if (this.idleSince !== undefined) this.connection.keepAlive(false)
  }

  // --- sending ---------------------------------------------------------------

  wake(): void {
    this.pull()
  }

  private pull(): void {
    const { options, scheduler } = this.environment
    const work = new InFlightWork(this.requests.all, options.max, this.concurrency)
    let request: Request | undefined
    while (this.state.acceptsWork && work.hasCapacity && !this.requests.full && this.tasksLeft > 0) {
      const chunk = scheduler.take(this, Math.min(SharedState.maxItems, this.tasksLeft))
      if (chunk === undefined) break
      work.add(chunk)
      if (!this.retracts) {
        // Before anything can cancel one of its items.
        this.publish(this.open(chunk))
      } else if (request?.fits(chunk, SharedState.chunkItems) === true) {
        this.requests.extend(request, chunk)
      } else {
        if (request !== undefined) this.publish(request)
        request = this.open(chunk)
      }
    }
    if (request !== undefined) this.publish(request)
    this.outbox.send()
    if (this.requests.empty) this.rest()
    else this.listener.onBusy()
  }

  /** It has nothing to do. */
  private rest(): void {
    if (this.idleSince !== undefined || !this.state.acceptsWork) return
    this.idleSince = performance.now()
    this.listener.onIdle(this)
  }

  private open(chunk: Executor.Chunk): Request {
    this.progress.beforeOpen()
    this.idleSince = undefined
    return this.requests.add(chunk)
  }

  private publish(request: Request): void {
    this.requests.publish(request)
    const transferred: Array<ArrayBuffer> = []
    this.outbox.add(encodeRequest(request, this.environment.codecs, transferred))
    this.outbox.transfer(transferred)
  }

  private repairWith(repair: typeof withoutUnclonable): (message: ToThread) => ToThread {
    return (message) => {
      const request = message[0] === "run" ? this.requests.find(message[1]) : undefined
      return request === undefined ? message : repair(message as RunRequest, request, this.fail)
    }
  }

  private send(message: ToThread): void {
    this.outbox.add(message)
    this.outbox.send()
  }

  private readonly fail = (request: Request, at: number, failure: Executor.WireFailure): void =>
    this.requests.fail(request, at, failure)

  // --- receiving -------------------------------------------------------------

  private readonly receive = (messages: ReadonlyArray<FromThread>): void => {
    for (const message of messages) this.handle(message)
    this.pull()
  }

  private handle(message: FromThread): void {
    switch (message[0]) {
      case "ready":
        this.state.on("ready")
        this.lifetime.ready(performance.now())
        this.listener.onReady()
        return this.environment.scheduler.join(this)
      case "unusable": {
        const failure = message[1]
        this.error = failure._tag === "Defect" ? Codec.defect.decode(failure.defect) : failure
        this.listener.onUnusable(this.error)
        this.connection.terminate()
        return
      }
      case "done":
        return this.done(message)
      case "vacant":
        // It answers, so the work that it is sent will start.
        this.state.on("progressed")
        return
      case "fault":
        return this.fault(message[1], message[2], message[3])
      case "synced":
        return this.delivery.answered(message[1], message[2])
      case "unreadable":
        return this.unreadable(message[1])
      case "ambiguousFault":
        return this.ambiguousFault(message[1])
      case "telemetry":
        return this.telemetry.receive(message[1], message[2])
      case "metrics":
        return this.telemetry.update(message[1])
    }
  }

  private done(message: Done): void {
    const [, id, results, failures, , last] = message
    const request = this.requests.find(id)
    if (request === undefined) return
    if ("bytes" in results || results.length > 0 || failures.length > 0) {
      const { scheduler } = this.environment
      // Before items are settled, which may make the scheduler wake this thread for more.
      this.state.on("progressed")
      this.settled += settleOutcomes(message, request, this.requests, scheduler)
      this.listener.onWorked()
      if (this.usedUp) this.retire()
      else if (this.lifetime.endsSoon(this.settled, performance.now())) this.listener.onLeaving(this, "task limit")
    }
    if (!last) return
    this.delivery.closed(request)
    this.close(request)
  }

  /** A message of this side or of the thread could not be read. */
  private unreadable(error: unknown): void {
    this.environment.log(Effect.logError(`A message between the program and ${this.name} could not be read`, error))
    this.delivery.start(String(error))
  }

  /** An error outside of every handler: the thread is replaced, since its handlers may be in a broken state. */
  private fault(id: number, at: number, failure: Executor.WireFailure): void {
    const request = this.requests.find(id)
    if (request !== undefined) this.requests.fail(request, at, failure)
    else this.environment.log(Effect.logError(`An error in ${this.name} belongs to no running task`, failure))
    this.retire()
  }

  /**
   * An error that may be of any item that has started: the thread is ended, and each of them runs again alone. If it
   * comes again while one runs alone, it is taken for the error of that one.
   */
  private ambiguousFault(failure: Executor.WireFailure): void {
    const suspect = this.requests.quarantined
    if (suspect === undefined) return this.terminate("ambiguousFault", "an error is of one of several tasks")
    this.terminate("end", "an error is of a task that ran alone")
    this.fail(suspect, 0, failure)
  }

  /** No outcome of the request follows. */
  private close(request: Request): void {
    this.requests.close(request)
    if (!this.requests.empty) return
    this.state.on("drained")
    if (this.usedUp) this.retire()
    if (this.state.retiring) this.end()
  }

  // --- ticks -----------------------------------------------------------------

  /** Finds items that run long. Called every few milliseconds while the thread is busy. */
  tick(now: number): void {
    if (!this.busy || this.state.ending) return
    this.sharedState.tick()
    this.checkProgress(now)
    this.checkDeadlines(now)
    this.delivery.check(now)
  }

  private checkProgress(now: number): void {
    const observed = this.progress.observe(now, this.settled)
    if (observed === undefined || !this.state.on(observed)) return
    if (observed === "stalled") this.requests.revokeCopied()
    else this.pull()
  }

  private checkDeadlines(now: number): void {
    const { overdue, passed } = this.deadlines.check(now)
    if (overdue.length > 0) {
      this.terminate("end", "a task did not stop")
      // The thread was ended by a timeout, not by a failure to work: its replacement need not wait.
      this.listener.onWorked()
      for (const { at, failure, request } of overdue) if (failure !== undefined) this.fail(request, at, failure)
    } else if (this.state.on(passed ? "deadlinePassed" : "deadlinesMet")) {
      if (passed) this.requests.revokeCopied()
      else this.pull()
    }
  }

  /** Another thread has a free slot: gives back the items that wait here, if they would wait for long. */
  rebalance(): void {
    if (!this.hasFreeSlot && canBeStolen(this.requests)) this.requests.revokeCopied()
  }

  // --- ending ----------------------------------------------------------------

  cancel(chunk: Executor.Chunk, at: number): void {
    const { request, start } = chunk.note as RequestSegment
    const item = start + at
    this.requests.revoke(request)
    if (!request.isOpen(item)) return
    this.requests.markCancelled(request, item)
    this.deadlines.cancel(request, item)
    this.send(["cancel", request.id, item])
  }

  /** Sends no more work; the thread ends when its requests are done. */
  private retire(): void {
    if (!this.state.on("retire")) return
    this.listener.onLeaving(this, "task limit")
    this.requests.revokeCopied()
    if (this.requests.empty) this.end()
  }

  /** Ends the thread in good order, with its requests or before. */
  end(): void {
    const { ending, joined } = this.state
    if (ending) return
    this.state.on("end")
    this.connection.keepAlive(true)
    this.send(["end"])
    this.endTimer = setTimeout(
      () => this.connection.terminate(),
      joined ? clampTimeout(this.environment.options.gracePeriod) : 0
    )
  }

  /** Ends the thread at once: an item does not stop, or a fault may be of any item. */
  private terminate(event: "end" | "ambiguousFault", reason: string): void {
    const { ending } = this.state
    this.state.on(event)
    if (ending) return
    this.terminated = reason
    this.listener.onLeaving(this, "terminated")
    this.requests.revokeAll()
    this.connection.terminate()
  }

  private readonly exited = (exitCode: number | undefined): void => {
    clearTimeout(this.endTimer)
    const { attribution, joined } = this.state
    const reason = this.exitReason(exitCode)
    const loss = lossOf(this.requests, attribution, exitCode, this.error)
    if (joined) this.environment.scheduler.leave(this, loss)
    this.requests.clear()
    this.state.on("exit")
    const cause = this.error ?? (joined ? undefined : new Error(`the thread ${exitOf(exitCode)}`))
    this.listener.onExit(this, { wasReady: joined, outOfMemory: loss.outOfMemory, reason, cause })
  }

  /** Why it ended, if that is not in good order. */
  private exitReason(exitCode: number | undefined): string | undefined {
    const { ending, joined } = this.state
    if (this.terminated !== undefined) return `was terminated: ${this.terminated}`
    if (ending) return undefined
    return joined ? `was lost: it ${exitOf(exitCode)}` : "could not start"
  }
}

const exitOf = (exitCode: number | undefined): string =>
  exitCode === undefined ? "exited" : `exited with code ${exitCode}`
