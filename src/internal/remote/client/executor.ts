/**
 * The executor of worker processes: keeps a connection to every worker that the registry knows, each with a
 * `ProcessHandle`. The registry and the connections are those of a transport.
 *
 * Must stay true: it retries unreachable workers for ever, and keeps the last known membership while the registry is
 * unavailable. Only an error that no retry can mend, a refusal or another version, fails the opening of the dispatcher.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Executor from "../../../Executor.ts"
import { MAX_CHUNK } from "../protocol/limits.ts"
import type { RemoteError } from "../transport/error.ts"
import { CHUNK_MICROS } from "./inFlight.ts"
import type { Member } from "./member.ts"
import { type Members, reconnectLoop, type SessionOptions } from "./reconnecting.ts"
import type { ProcessHandle } from "./workerHandle.ts"

export interface RemoteExecutorOptions extends SessionOptions {
  /** The name of the executor. Default `"remote"`. */
  readonly name?: string | undefined
  /** Milliseconds. */
  readonly noWorkerTimeout: number
  /** The workers that the registry knows. */
  readonly members: Stream.Stream<Result.Result<ReadonlyArray<Member>, RemoteError>>
}

/** How long opening the dispatcher waits for the first answer of the registry, in milliseconds. */
const FIRST_ANSWER_TIMEOUT = 2000

/** Connections that are opened at a time. */
const MAX_CONNECTING = 16

/** How often the worker handles are checked for work that an idle one can steal, in milliseconds. */
const REBALANCE_INTERVAL = 20

export const make = (options: RemoteExecutorOptions): Executor.Executor<RemoteError> => ({
  name: options.name ?? "remote",
  boundary: "codec",
  copiesPayloads: true,
  maxChunk: MAX_CHUNK,
  chunkMicros: CHUNK_MICROS,
  unservedTimeout: options.noWorkerTimeout,
  open: (scheduler) =>
    Effect.gen(function*() {
      const membership = yield* Effect.acquireRelease(
        Effect.sync(() => new Membership(options, scheduler)),
        (membership) => Effect.sync(() => membership.close())
      )
      const scope = yield* Effect.scope
      const firstAnswer = yield* Deferred.make<void, RemoteError>()
      yield* Effect.forkScoped(watchRegistry(membership, scope, firstAnswer))
      yield* Deferred.await(firstAnswer).pipe(
        Effect.timeoutOrElse({ duration: FIRST_ANSWER_TIMEOUT, orElse: () => Effect.void })
      )
    })
})

/** Keeps the connections in step with the registry. */
const watchRegistry = (
  membership: Membership,
  scope: Scope.Scope,
  firstAnswer: Deferred.Deferred<void, RemoteError>
) =>
  Stream.runForEach(
    membership.options.members,
    Effect.fnUntraced(function*(answer) {
      if (answer._tag === "Success") {
        for (const member of membership.update(answer.success)) {
          yield* Effect.forkIn(reconnectLoop(membership, member), scope)
        }
        yield* Deferred.succeed(firstAnswer, undefined)
      } else {
        membership.failed(answer.failure)
        if (answer.failure.reason._tag !== "Unreachable") yield* Deferred.fail(firstAnswer, answer.failure)
      }
    })
  )

/** The workers of one dispatcher. */
class Membership implements Members {
  readonly options: RemoteExecutorOptions
  readonly scheduler: Executor.Scheduler
  private readonly handles = new Set<ProcessHandle>()
  /** The addresses that the registry knows. */
  private members: ReadonlySet<string> = new Set()
  /** The addresses with a reconnect loop. */
  private readonly loops = new Set<string>()
  readonly connecting = Semaphore.makeUnsafe(MAX_CONNECTING)
  private cancelRebalance: Executor.Cancel | undefined
  private cause: unknown

  constructor(options: RemoteExecutorOptions, scheduler: Executor.Scheduler) {
    this.options = options
    this.scheduler = scheduler
    this.noWorkers()
  }

  /** Takes an answer of the registry, and returns the workers that need a reconnect loop. */
  update(members: ReadonlyArray<Member>): ReadonlyArray<Member> {
    this.members = new Set(members.map(({ address }) => address))
    const added = members.filter(({ address }) => !this.loops.has(address))
    for (const { address } of added) this.loops.add(address)
    if (members.length === 0) this.failed(undefined)
    return added
  }

  isMember(address: string): boolean {
    return this.members.has(address)
  }

  /** The reconnect loop of the address has ended. */
  forget(address: string): void {
    this.loops.delete(address)
  }

  /** The latest error, for `NoWorker`. */
  failed(cause: unknown): void {
    this.cause = cause
    if (this.handles.size === 0) this.noWorkers()
  }

  joined(handle: ProcessHandle): void {
    this.handles.add(handle)
    this.cancelRebalance ??= this.scheduler.after(REBALANCE_INTERVAL, this.rebalance)
  }

  left(handle: ProcessHandle): void {
    handle.lost()
    if (!this.handles.delete(handle) || this.handles.size > 0) return
    this.noWorkers()
  }

  close(): void {
    this.cancelRebalance?.()
  }

  private noWorkers(): void {
    this.cancelRebalance?.()
    this.cancelRebalance = undefined
    this.scheduler.unavailable(this.cause, this.options.noWorkerTimeout)
  }

  private readonly rebalance = (): void => {
    this.cancelRebalance = this.scheduler.after(REBALANCE_INTERVAL, this.rebalance)
    const idle = Array.from(this.handles).filter((handle) => handle.idle)
    if (idle.length === 0) return
    const now = this.scheduler.now()
    for (const handle of this.handles) {
      if (handle.busy && idle.some((other) => handle.hasTaskFor(other))) handle.requestSteal(now)
    }
  }
}
