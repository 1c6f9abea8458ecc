/**
 * Sends the connections of a hostile client to a worker process, while another client is served, and checks that the
 * process goes on, that no guarded task runs, that its memory is bounded, and that the other client gets its results.
 */
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import { memberOf } from "../../src/internal/remote/client/connection.ts"
import * as RemoteExecutor from "../../src/internal/remote/client/executor.ts"
import { TaskCatalog } from "../../src/internal/remote/protocol/catalog.ts"
import { startWorker, until } from "./child.ts"
import { connectionFrames } from "./frames.ts"
import { Echo, Tasks } from "./tasks.ts"

export interface FuzzOptions {
  /** The seeds of the connections. */
  readonly seeds: Iterable<number>
  /** Frames to send in all. */
  readonly frames: number
  /** Connections at a time. */
  readonly connections: number
}

export interface FuzzReport {
  readonly frames: number
  readonly connections: number
  /** Of these, those that the worker has ended. */
  readonly refused: number
  /** The most memory beyond that of the idle worker, in bytes. */
  readonly memory: number
  /** Tasks of the other client that have succeeded. */
  readonly served: number
  /** Guarded tasks that have run. */
  readonly guarded: number
  readonly violations: ReadonlyArray<string>
}

/** Frames of one connection that the worker does not end. */
const FRAMES_PER_CONNECTION = 200

/** The frames that open a session, each of which the worker answers. */
const OPENING = 2
const OPENING_DELAY = 4

/** How long a task of the other client may take, in milliseconds. */
const PATIENCE = 30_000

const MAX_TASK_BYTES = 1024 * 1024

/** A client of the same worker. */
const client = (port: number) => {
  const runner = Runner.make({ address: RunnerAddress.make("127.0.0.1", port), groups: ["default"], weight: 1 })
  const member = memberOf(runner, { group: "default", secret: undefined }, MAX_TASK_BYTES)
  const executor = RemoteExecutor.make({
    catalog: new TaskCatalog(Tasks.tasks),
    maxTaskBytes: MAX_TASK_BYTES,
    noWorkerTimeout: PATIENCE,
    members: Stream.concat(Stream.succeed(Result.succeed([member])), Stream.never)
  })
  return Executor.layer(Tasks, executor).pipe(Layer.provide(Logger.layer([])))
}

/** One connection; returns the number of frames that were sent, and whether the worker has ended it. */
const attack = (port: number, seed: number, most: number) =>
  Effect.callback<{ readonly sent: number; readonly refused: boolean }>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    const frames = connectionFrames(seed, Math.min(most, FRAMES_PER_CONNECTION))
    let sent = 0
    let finished = false
    const end = (refused: boolean) => {
      if (finished) return
      finished = true
      socket.destroy()
      resume(Effect.succeed({ sent, refused }))
    }
    const write = (): void => {
      while (!finished) {
        const next = frames.next()
        if (next.done === true) {
          // The worker gets what was written before it sees the end.
          socket.end()
          setTimeout(() => end(false), 5)
          return
        }
        sent++
        if (sent <= OPENING) {
          // A session takes commands once it is open.
          socket.write(next.value)
          setTimeout(write, OPENING_DELAY)
          return
        }
        if (!socket.write(next.value)) {
          socket.once("drain", write)
          return
        }
        if (sent % 8 === 0) {
          setImmediate(write)
          return
        }
      }
    }
    socket.on("error", () => {})
    socket.resume()
    socket.once("connect", write)
    socket.once("close", () => end(true))
  })

export const fuzz = ({ connections, frames, seeds }: FuzzOptions): Effect.Effect<FuzzReport, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { port, worker } = yield* startWorker
    const violations: Array<string> = []
    const gone = () => worker.ended !== undefined
    if (worker.ended !== undefined) {
      return { frames: 0, connections: 0, refused: 0, memory: 0, served: 0, guarded: 0, violations: [worker.ended] }
    }

    let served = 0
    const warm = yield* Deferred.make<void>()
    const echo = (n: number) =>
      Dispatcher.run(new Echo({ n, text: `text ${n}` })).pipe(
        Effect.timeout(PATIENCE),
        Effect.map((result) => {
          if (result.n !== n || result.text !== `text ${n}`) violations.push(`${n} was answered with ${result.text}`)
          served++
        }),
        Effect.catchCause((cause) => Effect.sync(() => violations.push(`a task of another client: ${cause}`)))
      )
    const other = Effect.gen(function*() {
      for (let n = 0; n < 500; n++) yield* echo(n)
      yield* Deferred.succeed(warm, undefined)
      for (let n = 500;; n++) {
        yield* echo(n)
        yield* Effect.sleep(2)
      }
    })
    yield* Effect.forkScoped(Effect.provide(other, client(port)))
    yield* Deferred.await(warm)
    yield* worker.nextReport
    worker.settle()

    const next = seeds[Symbol.iterator]()
    const total = { frames: 0, connections: 0, refused: 0 }
    const attacker = Effect.gen(function*() {
      while (total.frames < frames && !gone() && violations.length === 0) {
        const seed = next.next()
        if (seed.done === true) return
        const { refused, sent } = yield* attack(port, seed.value, frames - total.frames)
        total.frames += sent
        total.connections++
        if (refused) total.refused++
      }
    })
    yield* Effect.all(Array.from({ length: connections }, () => attacker), { concurrency: "unbounded", discard: true })
    // It is served after all of that, too.
    const before = served
    yield* until(() => gone() || violations.length > 0 || served > before + 10)
    yield* worker.nextReport
    if (worker.ended !== undefined) violations.push(worker.ended)
    const guarded = worker.report?.guarded ?? 0
    if (guarded > 0) violations.push(`${guarded} guarded tasks have run`)
    return { ...total, memory: worker.memory - worker.idleMemory, served, guarded, violations }
  })
