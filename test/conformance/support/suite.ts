/**
 * The dispatchers that claims are tried on, and `claim`, which registers a claim as one test for each of them.
 *
 * A file shares one pool of worker threads of each kind between its claims; a claim that needs other options has its
 * own. After each claim its dispatcher must be idle again, so that no claim passes that leaves work behind.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import type * as Task from "papyros/Task"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { events } from "./events.ts"
import handlers from "./handlers.ts"
import { Add, Hold, Mark, Tasks } from "./tasks.ts"

export { events }

type Pool = WorkerPoolDispatcher.ThreadPoolSettings

/** The options of a claim for a dispatcher of its own. */
export interface Options {
  readonly concurrency?: number
  readonly capacity?: number
  /** For pools of threads only. */
  readonly pool?: Pool
  /** The loggers of a pool. Default: none. */
  readonly loggers?: Layer.Layer<never>
}

export interface Subject {
  readonly name: string
  /** Tasks at once. */
  readonly slots: number
  /** Payloads and results are validated and copied. */
  readonly codec: boolean
  /** Handlers run in worker threads: a busy loop can be ended, a worker can be lost, and time is real. */
  readonly threads: boolean
  readonly layer: (options?: Options) => Layer.Layer<Dispatcher.Dispatcher, unknown>
}

export type Predicate = (subject: Subject) => boolean

const handlersUrl = new URL("./handlers.ts", import.meta.url)

const silent = Logger.layer([])

const pool = (options: Pool) => (own: Options = {}) =>
  WorkerPoolDispatcher.layer(Tasks, {
    handlers: handlersUrl,
    // A claim about tasks that do not stop sets a shorter one: no other thread may be ended because the machine is slow.
    gracePeriod: "1 minute",
    capacity: own.capacity,
    ...options,
    ...own.pool
  }).pipe(Layer.provide(own.loggers ?? silent))

const fiber = (codecs: boolean) => (own: Options = {}) =>
  FiberDispatcher.layer(Tasks, { concurrency: own.concurrency ?? 2, capacity: own.capacity, codecs }).pipe(
    Layer.provide(handlers)
  )

export const Dummy: Subject = {
  name: "Dummy",
  slots: 1,
  codec: true,
  threads: false,
  layer: () => Layer.provide(DummyDispatcher.layer(Tasks), handlers)
}
export const FiberByReference: Subject = { name: "Fiber", slots: 2, codec: false, threads: false, layer: fiber(false) }
export const FiberWithCodecs: Subject = { ...FiberByReference, name: "Fiber+codecs", codec: true, layer: fiber(true) }
/** Two threads with one slot each. */
export const WorkerPool: Subject = {
  name: "WorkerPool",
  slots: 2,
  codec: true,
  threads: true,
  layer: pool({ size: 2 })
}
/** One thread with one slot, for claims that need a pool of their own. */
export const OneThread: Subject = { ...WorkerPool, name: "OneThread", slots: 1, layer: pool({ size: 1 }) }
/**
 * One thread with two slots. Only for claims that name it: it depends on the load of the machine
 * whether its second slot is used.
 */
export const TwoSlots: Subject = { ...WorkerPool, name: "TwoSlots", layer: pool({ size: 1, concurrency: 2 }) }

const standard: ReadonlyArray<Subject> = [Dummy, FiberByReference, FiberWithCodecs, WorkerPool]
const subjects: ReadonlyArray<Subject> = [...standard, OneThread, TwoSlots]

export const inProcess: Predicate = ({ threads }) => !threads
export const concurrent: Predicate = (subject) => standard.includes(subject) && subject.slots > 1
export const withCodec: Predicate = (subject) => standard.includes(subject) && subject.codec
export const only = (...some: ReadonlyArray<Subject>): Predicate => (subject) => some.includes(subject)

// ----------------------------------------------------------------------------
// Claims
// ----------------------------------------------------------------------------

interface ClaimOptions {
  /** The dispatchers where the claim makes sense. Default: Dummy, Fiber with and without codecs, and WorkerPool. */
  readonly on?: Predicate
  /** Gives the claim a dispatcher of its own, or none. */
  readonly own?: Options | "none"
}

interface Trial {
  readonly subject: Subject
  /** Ends the dispatcher's scope, where it is the claim's own. */
  readonly close: Effect.Effect<void>
}

type Program = (trial: Trial) => Effect.Effect<void, unknown, Dispatcher.Dispatcher | Scope.Scope>

/** How long a claim may take, in milliseconds of real time. */
const PATIENCE = 60_000

/** Registers the claims of a topic. */
export const topic = (name: string, register: (claim: Claim) => void): void => {
  const scope = Scope.makeUnsafe()
  const pools = new Map<Subject, Promise<Context.Context<Dispatcher.Dispatcher>>>()
  const sharedPool = (subject: Subject) => {
    const known = pools.get(subject)
    if (known !== undefined) return Effect.promise(() => known)
    const opened = Effect.runPromise(Effect.orDie(Layer.buildWithScope(subject.layer(), scope)))
    pools.set(subject, opened)
    return Effect.promise(() => opened)
  }
  describe(`Conformance: ${name}`, () => {
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    const claim: Claim = (title: string, first: ClaimOptions | Program, second?: Program) => {
      const program = second ?? (first as Program)
      const { on, own } = second === undefined ? {} as ClaimOptions : first as ClaimOptions
      for (const subject of on === undefined ? standard : subjects.filter(on)) {
        const test = Effect.gen(function*() {
          events.reset()
          const scope = yield* Scope.make()
          const context = own === "none"
            ? Context.empty() as Context.Context<Dispatcher.Dispatcher>
            : yield* (subject.threads && own === undefined
              ? sharedPool(subject)
              : Effect.orDie(Layer.buildWithScope(subject.layer(own), scope)))
          let open = own !== "none"
          const close = Effect.suspend(() => {
            open = false
            return Scope.close(scope, Exit.void)
          })
          const work = Effect.scoped(program({ subject, close })).pipe(
            Effect.andThen(Effect.suspend(() => open ? idle : Effect.void)),
            Effect.ensuring(Effect.sync(() => events.openAll())),
            Effect.provideContext(context),
            Effect.orDie
          )
          yield* Effect.andThen(within(work, PATIENCE), close)
        })
        const tester = subject.threads ? it.live : it.effect
        tester(`${title} (${subject.name})`, () => test, PATIENCE + 30_000)
      }
    }
    register(claim)
  })
}

export interface Claim {
  (title: string, program: Program): void
  (title: string, options: ClaimOptions, program: Program): void
}

/** Bounds an effect by real time, and does not wait for one that cannot be interrupted. */
const within = <A, E>(effect: Effect.Effect<A, E>, millis: number): Effect.Effect<A, E> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<A, E>((resume) => {
      const fiber = Effect.runForkWith(context)(effect)
      const timer = setTimeout(() => {
        resume(Effect.die(new Error(`did not end within ${millis} ms`)))
        fiber.interruptUnsafe()
      }, millis)
      fiber.addObserver((exit) => {
        clearTimeout(timer)
        resume(exit)
      })
      return Effect.sync(() => {
        clearTimeout(timer)
        fiber.interruptUnsafe()
      })
    })
  )

/** Waits until nothing is left on the dispatcher. */
const idle = Effect.suspend(() =>
  untilStatus(({ executions, running, waiting }) => executions === 0 && running === 0 && waiting === 0)
)

// ----------------------------------------------------------------------------
// For programs
// ----------------------------------------------------------------------------

/** One turn of the event loop. */
export const turn: Effect.Effect<void> = Effect.callback((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** Leaves the processor to threads for a moment, by the real clock. */
const pause: Effect.Effect<void> = Effect.callback((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 2)
  return Effect.sync(() => clearTimeout(timer))
})

/** Lets all run that can run without time, in this process. */
export const settle: Effect.Effect<void> = Effect.repeat(turn, { times: 20 })

/** Waits until something is seen; the patience of the claim bounds it. */
export const until = (holds: () => boolean): Effect.Effect<void> => poll(Effect.sync(holds))

/** Turn by turn, then with pauses: a thread that has to start needs the processor itself. */
const poll = <R>(holds: Effect.Effect<boolean, never, R>, turns = 0): Effect.Effect<void, never, R> =>
  Effect.flatMap(
    holds,
    (held) =>
      held ? Effect.void : Effect.andThen(turns < 100 ? turn : pause, Effect.suspend(() => poll(holds, turns + 1)))
  )

/** The same of the dispatcher's status. */
export const untilStatus = (
  holds: (status: Dispatcher.Status) => boolean
): Effect.Effect<void, never, Dispatcher.Dispatcher> => poll(Effect.map(Dispatcher.status, holds))

/** Waits until a task has started. */
export const started = (...ids: ReadonlyArray<number>): Effect.Effect<void> =>
  until(() => ids.every((id) => events.starts.includes(id)))

/** Waits until every slot has a task that runs. Which tasks of many start first is not promised. */
export const full = ({ slots }: Subject): Effect.Effect<void> => until(() => events.running >= slots)

/** Starts it in a fiber and lets it come as far as it can at once. */
export const fork = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.Fiber<A, E>, never, R> =>
  Effect.forkChild(effect, { startImmediately: true })

/** Lets time pass until a fiber ends: moves the test's clock by steps, or leaves the real one alone. */
export const inTime = <A, E>({ threads }: Subject, fiber: Fiber.Fiber<A, E>, step = 1000): Effect.Effect<A, E> =>
  threads
    ? Fiber.join(fiber)
    : Effect.suspend(() =>
      fiber.pollUnsafe() !== undefined
        ? Fiber.join(fiber)
        : Effect.andThen(Effect.andThen(settle, TestClock.adjust(step)), inTime({ threads } as Subject, fiber, step))
    )

export const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

export const sorted = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => numbers.toSorted((a, b) => a - b)

/** How an effect ends: "success", the tag of its error, or of a `TaskFailure` its reason. */
export const endOf = <A, R>(
  effect: Effect.Effect<A, { readonly _tag: string; readonly reason?: unknown }, R>
): Effect.Effect<string, never, R> =>
  Effect.map(Effect.result(effect), (result) => Result.isSuccess(result) ? "success" : tagOf(result.failure))

const tagOf = (error: { readonly _tag: string; readonly reason?: unknown }): string =>
  error._tag === "TaskFailure" ? (error.reason as { readonly _tag: string })._tag : error._tag

/** How each task ended, in the order of the source. */
export const ends = <T extends Task.Any>(results: ReadonlyArray<Dispatcher.TaskResult<T>>): ReadonlyArray<string> =>
  results.toSorted((a, b) => a.index - b.index).map(({ result }) =>
    Result.isSuccess(result) ? "success" : tagOf(result.failure)
  )

/** Fails unless an effect ends with a failure or a defect that says the text. */
export const failsWith = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  text: string | RegExp
): Effect.Effect<void, never, R> =>
  Effect.map(Effect.exit(effect), (exit) => {
    assert(Exit.isFailure(exit))
    assert.match(Cause.pretty(exit.cause), typeof text === "string" ? new RegExp(text) : text)
  })

/** Runs tasks through every slot: all tasks that were to start before have started. */
export const flush: Effect.Effect<void, unknown, Dispatcher.Dispatcher> = Effect.andThen(
  settle,
  Stream.runDrain(Dispatcher.execute(Array.from({ length: 8 }, (_, n) => new Add({ n })), { chunkSize: 1 }))
)

/** The outcomes of tasks, failures included. */
export const outcomes = <T extends Task.Any>(
  tasks: Iterable<T>,
  options?: Dispatcher.ExecuteOptions<T>
): Effect.Effect<
  ReadonlyArray<Dispatcher.TaskResult<T>>,
  Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed,
  Dispatcher.Dispatcher
> => Stream.runCollect(Dispatcher.results(tasks, options))

/** The successes of tasks. */
export const values = <T extends Task.Any>(tasks: Iterable<T>, options?: Dispatcher.ExecuteOptions<T>) =>
  Stream.runCollect(Dispatcher.execute(tasks, options))

export const hold = (id: number, end: Hold["end"] = "succeed"): Hold => new Hold({ id, end })
export const holds = (from: number, to: number): ReadonlyArray<Hold> => range(from, to).map((id) => hold(id))
export const marks = (from: number, to: number): ReadonlyArray<Mark> => range(from, to).map((id) => new Mark({ id }))
