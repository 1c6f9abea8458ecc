/**
 * The executor of worker processes: keeps a connection to every worker that the
 * registry knows of, each a lane. Nobody gives up: what cannot be reached is tried
 * again, and while the registry is away the last view of it is kept.
 */
import * as Cause from "effect/Cause"
import type { Runner } from "effect/cluster/Runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Executor from "../../../Executor.ts"
import type { TaskCatalog } from "../protocol/catalog.ts"
import type { Commands, Events, HandshakeResponse } from "../protocol/messages.ts"
import type { RemoteError } from "../transport/error.ts"
import { CHUNK_MICROS, MAX_CHUNK, ProcessHandle } from "./workerHandle.ts"

/** A worker that has said who it is. Calls fail once the connection is lost. */
export interface Connection {
  readonly welcome: typeof HandshakeResponse.Type
  readonly outcomes: Stream.Stream<typeof Events.Type, unknown>
  /** Completes when the connection can take more. */
  readonly send: (orders: typeof Commands.Type) => Effect.Effect<void, unknown>
}

export interface RemoteExecutorOptions {
  readonly served: TaskCatalog
  readonly maxTaskBytes: number
  /** Milliseconds. */
  readonly noWorkerTimeout: number
  /** The workers that there are. */
  readonly members: Effect.Effect<ReadonlyArray<Runner>, RemoteError>
  /** The connection ends with its scope. */
  readonly connect: (runner: Runner) => Effect.Effect<Connection, RemoteError, Scope.Scope>
}

/** How often the registry is asked, and how long its first answer is waited for, in milliseconds. */
const POLL = 500
const FIRST = 2000

const FIRST_DELAY = 100
const LONGEST_DELAY = 2000

/** How often lanes are looked at while one is busy, in milliseconds. */
const WATCH = 20

export const make = (options: RemoteExecutorOptions): Executor.Executor<RemoteError> => ({
  name: "remote",
  boundary: "codec",
  maxChunk: MAX_CHUNK,
  chunkMicros: CHUNK_MICROS,
  unservedTimeout: options.noWorkerTimeout,
  open: (scheduler) =>
    Effect.gen(function*() {
      const group = yield* Effect.acquireRelease(
        Effect.sync(() => new Membership(options, scheduler)),
        (group) => Effect.sync(() => group.close())
      )
      const scope = yield* Effect.scope
      const first = yield* Deferred.make<void, RemoteError>()
      yield* Effect.forkScoped(follow(group, scope, first))
      // Whoever is not let in is told at once; all else may come right.
      yield* Deferred.await(first).pipe(Effect.timeoutOrElse({ duration: FIRST, orElse: () => Effect.void }))
    })
})

/** Keeps the connections in step with the registry. */
const follow = (group: Membership, scope: Scope.Scope, first: Deferred.Deferred<void, RemoteError>) =>
  Effect.gen(function*() {
    const answer = yield* Effect.result(group.options.members)
    if (answer._tag === "Success") {
      for (const runner of group.update(answer.success)) yield* Effect.forkIn(stay(group, runner), scope)
      yield* Deferred.succeed(first, undefined)
    } else {
      group.failed(answer.failure)
      if (answer.failure.reason._tag !== "Unreachable") yield* Deferred.fail(first, answer.failure)
    }
    yield* Effect.sleep(POLL)
  }).pipe(Effect.forever)

/** Connects to a worker again and again, as long as the registry knows it. */
const stay = (group: Membership, runner: Runner) => {
  const address = addressOf(runner)
  let delay = 0
  const once = Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.scoped(serve(group, runner, () => delay = 0)))
    if (exit._tag === "Failure" && !Cause.hasInterrupts(exit.cause)) group.failed(Cause.squash(exit.cause))
    delay = delay === 0 ? FIRST_DELAY : Math.min(2 * delay, LONGEST_DELAY)
    yield* Effect.sleep(delay)
  })
  return Effect.whileLoop({ while: () => group.knows(address), body: () => once, step: () => {} }).pipe(
    Effect.ensuring(Effect.sync(() => group.forget(address)))
  )
}

/** One connection, from its beginning to its end. */
const serve = Effect.fnUntraced(function*(group: Membership, runner: Runner, onJoined: () => void) {
  const { connect, maxTaskBytes, served } = group.options
  const { outcomes, send, welcome } = yield* connect(runner)
  const left = yield* Deferred.make<void>()
  const lane = new ProcessHandle({
    name: welcome.worker,
    slots: welcome.slots,
    maxTaskBytes: Math.min(maxTaskBytes, welcome.maxTaskBytes),
    served,
    refuses: served.refusals(welcome.worker, new Map(welcome.tasks)),
    scheduler: group.scheduler,
    onJoined: () => {
      onJoined()
      group.joined(lane)
    },
    onLeft: () => Deferred.doneUnsafe(left, Effect.void)
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => group.left(lane)))
  yield* Effect.logInfo(`Worker ${welcome.worker} has joined`)
  const hear = Stream.runForEach(outcomes, (news) => Effect.try(() => lane.hear(news)))
  const give = Effect.forever(Effect.flatMap(lane.orders.take, send))
  yield* Effect.raceAllFirst([
    Effect.as(hear, "lost" as const),
    give,
    Effect.as(Deferred.await(left), "left" as const)
  ]).pipe(
    Effect.onExit((exit) => {
      if (exit._tag === "Success" && exit.value === "left") return Effect.logInfo(`Worker ${welcome.worker} has left`)
      // Ended from here it is not lost.
      if (!lane.joined || (exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause))) return Effect.void
      return Effect.logWarning(`Worker ${welcome.worker} is lost`)
    })
  )
})

const addressOf = ({ address }: Runner): string => `${address.host}:${address.port}`

/** The workers of one dispatcher. */
class Membership {
  readonly options: RemoteExecutorOptions
  readonly scheduler: Executor.Scheduler
  private readonly lanes = new Set<ProcessHandle>()
  /** What the registry knows, and what there are connections for, or attempts. */
  private wanted: ReadonlySet<string> = new Set()
  private readonly tried = new Set<string>()
  private watch: ReturnType<typeof setInterval> | undefined
  private patience: Executor.Cancel | undefined
  private cause: unknown

  constructor(options: RemoteExecutorOptions, scheduler: Executor.Scheduler) {
    this.options = options
    this.scheduler = scheduler
    this.miss()
  }

  /** Those that are new. */
  update(runners: ReadonlyArray<Runner>): ReadonlyArray<Runner> {
    this.wanted = new Set(runners.map(addressOf))
    const added = runners.filter((runner) => !this.tried.has(addressOf(runner)))
    for (const runner of added) this.tried.add(addressOf(runner))
    if (runners.length === 0) this.cause = undefined
    return added
  }

  knows(address: string): boolean {
    return this.wanted.has(address)
  }

  forget(address: string): void {
    this.tried.delete(address)
  }

  /** Why there may be no worker. */
  failed(cause: unknown): void {
    this.cause = cause
  }

  joined(lane: ProcessHandle): void {
    this.lanes.add(lane)
    this.patience?.()
    this.patience = undefined
    this.watch ??= setInterval(this.look, WATCH).unref()
  }

  left(lane: ProcessHandle): void {
    lane.lost()
    if (!this.lanes.delete(lane) || this.lanes.size > 0) return
    this.miss()
  }

  close(): void {
    clearInterval(this.watch)
  }

  /** Without any worker, what waits does so for a time. */
  private miss(): void {
    clearInterval(this.watch)
    this.watch = undefined
    const { noWorkerTimeout } = this.options
    this.patience = this.scheduler.after(noWorkerTimeout, () => {
      this.scheduler.unavailable(this.cause, noWorkerTimeout)
    })
  }

  private readonly look = (): void => {
    let idle = false
    for (const lane of this.lanes) idle ||= lane.idle
    if (!idle) return
    const now = performance.now()
    for (const lane of this.lanes) if (lane.busy) lane.share(now)
  }
}
