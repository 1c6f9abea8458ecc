/**
 * One run of an Effect in which a seed determines the order of ready tasks, the points where fibers yield, and the time.
 *
 * The world takes the place of Effect's `Scheduler` and `Clock`, and gives the `Random` service. Time
 * stands still while anything is ready and moves to the next sleep when nothing is, so a run needs no
 * real time. The seed does not determine I/O and timers of the platform.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as EffectScheduler from "effect/Scheduler"
import type * as TestClock from "effect/testing/TestClock"
import { Dice } from "../random.ts"

/** The result of a run. */
export interface WorldRun<A, E> {
  /** How the effect ended, or `undefined` if it waits for something that cannot happen. */
  readonly exit: Exit.Exit<A, E> | undefined
  /** The number of turns of the scheduler. */
  readonly turns: number
  /** Virtual time that has passed, in milliseconds. */
  readonly millis: number
  /** Errors that callbacks threw outside of any fiber. */
  readonly thrown: ReadonlyArray<unknown>
  /** Whether it was stopped because it did not end within the given turns. */
  readonly endless: boolean
  /** A hash of all choices of the run. */
  readonly digest: number
}

/** The options of a world. */
export interface WorldOptions {
  /** Called when nothing is ready and no sleep is left; returns whether it made something ready. */
  readonly onQuiet?: (() => boolean) | undefined
  /** Called before the time moves by so many milliseconds. */
  readonly onAdvance?: ((millis: number) => void) | undefined
  /** The most turns. Default 100,000. */
  readonly maxTurns?: number | undefined
}

interface Sleep {
  readonly at: number
  readonly wake: () => void
}

/** The tasks of one fiber or of one component, in the order in which the real scheduler runs them. */
class Line implements EffectScheduler.SchedulerDispatcher {
  private readonly buckets: Array<{ readonly priority: number; readonly tasks: Array<() => void> }> = []
  size = 0
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  scheduleTask(task: () => void, priority: number): void {
    let at = 0
    while (at < this.buckets.length && this.buckets[at].priority < priority) at++
    if (this.buckets[at]?.priority === priority) this.buckets[at].tasks.push(task)
    else this.buckets.splice(at, 0, { priority, tasks: [task] })
    if (this.size++ === 0) this.world.lines.push(this)
  }

  shift(): () => void {
    const { tasks } = this.buckets[0]
    const task = tasks.shift()!
    if (tasks.length === 0) this.buckets.shift()
    this.size--
    return task
  }

  flush(): void {
    const { lines } = this.world
    while (this.size > 0) {
      const task = this.shift()
      const at = this.size === 0 ? lines.indexOf(this) : -1
      if (at !== -1) lines.splice(at, 1)
      task()
    }
  }
}

/** The run whose turn reads `performance.now` at this moment, if any. */
const reading: { world: World | undefined } = { world: undefined }

/** How many runs are open: the first one replaces `performance.now`, the last one puts it back. */
let open = 0
let realNow: (() => number) | undefined

const replaceNow = (): void => {
  if (open++ > 0) return
  realNow = performance.now.bind(performance)
  performance.now = () => reading.world === undefined ? realNow!() : reading.world.read()
}

const restoreNow = (): void => {
  if (--open > 0) return
  Reflect.deleteProperty(performance, "now")
  realNow = undefined
}

/** The scheduler, the clock and the random numbers of one run. */
export class World implements EffectScheduler.Scheduler {
  readonly executionMode = "async"
  /** Lines that have something to run. */
  readonly lines: Array<Line> = []
  readonly clock: TestClock.TestClock
  private readonly dice: Dice
  private readonly options: WorldOptions
  /** Sleeps by the time at which they end, the next one last. */
  private readonly sleeps: Array<Sleep> = []
  private millis = 0
  private nanos = 0n
  private lag = 0
  private turns = 0
  private readonly thrown: Array<unknown> = []
  /** The probability that the next line is not the one that has waited longest. */
  private readonly disorder: number
  /** The probability that a line runs all its tasks before another line runs. */
  private readonly whole: number
  /** The probability, at each operation, that a fiber yields where the real scheduler would not make it yield. */
  private readonly yielding: number
  /** The probability, at each read of `performance.now`, that the time slice of a turn seems to be over. */
  private readonly slicing: number

  constructor(seed: number, options: WorldOptions) {
    const dice = this.dice = new Dice(seed ^ 0x5eed5eed)
    this.options = options
    this.disorder = dice.pick([0, 0.1, 0.5, 1])
    this.whole = dice.pick([0, 0.5, 1])
    this.yielding = dice.pick([0, 0, 0.01, 0.1])
    this.slicing = dice.pick([0, 0, 0.1, 0.5])
    this.clock = makeClock(this)
  }

  // --- the scheduler ---------------------------------------------------------

  makeDispatcher(): EffectScheduler.SchedulerDispatcher {
    return new Line(this)
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield ||
      (this.yielding > 0 && this.dice.chance(this.yielding))
  }

  /** The value of `performance.now` in a turn. At random reads, a time slice has passed. */
  read(): number {
    if (this.slicing > 0 && this.dice.chance(this.slicing)) this.lag += 10
    return this.millis + this.lag
  }

  // --- the clock -------------------------------------------------------------

  get now(): number {
    return this.millis
  }

  get nowNanos(): bigint {
    return this.nanos
  }

  /** Calls `wake` at time `at`; the returned function cancels the call. */
  sleepUntil(at: number, wake: () => void): () => void {
    const sleep: Sleep = { at, wake }
    let low = this.sleeps.length
    while (low > 0 && this.sleeps[low - 1].at <= at) low--
    this.sleeps.splice(low, 0, sleep)
    return () => {
      const at = this.sleeps.indexOf(sleep)
      if (at !== -1) this.sleeps.splice(at, 1)
    }
  }

  private advance(): void {
    const { at } = this.sleeps.at(-1)!
    this.options.onAdvance?.(at - this.millis)
    this.millis = at
    this.nanos = BigInt(Math.round(at * 1_000_000))
  }

  // --- the run ---------------------------------------------------------------

  /** Runs one ready line or one finished sleep, chosen at random. */
  private step(): void {
    const { dice, lines, sleeps } = this
    let due = 0
    while (due < sleeps.length && sleeps[sleeps.length - 1 - due].at <= this.millis) due++
    const count = lines.length + due
    const at = this.disorder > 0 && dice.chance(this.disorder) ? dice.below(count) : 0
    if (at >= lines.length) return this.call(sleeps.splice(sleeps.length - 1 - (at - lines.length), 1)[0].wake)
    const line = lines.splice(at, 1)[0]
    // Tasks that are scheduled on the line meanwhile run in a later turn, as with the real scheduler.
    let left = this.whole > 0 && dice.chance(this.whole) ? line.size : 1
    while (left-- > 0 && line.size > 0) this.call(line.shift())
    if (line.size > 0 && !lines.includes(line)) lines.push(line)
  }

  private call(f: () => void): void {
    try {
      f()
    } catch (error) {
      this.thrown.push(error)
    }
  }

  /** Runs the effect and calls `done` when it has ended, or when it never will. */
  run<A, E>(context: Context.Context<never>, effect: Effect.Effect<A, E>, done: (run: WorldRun<A, E>) => void): void {
    const services = Context.mergeAll(
      context,
      Context.make(EffectScheduler.Scheduler, this),
      Context.make(Clock.Clock, this.clock),
      Context.make(Random.Random, {
        nextDoubleUnsafe: () => this.dice.next(),
        nextIntUnsafe: () => Math.floor((this.dice.next() - 0.5) * 2 * Number.MAX_SAFE_INTEGER)
      })
    )
    const maxTurns = this.options.maxTurns ?? 100_000
    let root: Fiber.Fiber<A, E> | undefined
    const end = (endless: boolean) => {
      restoreNow()
      done({
        exit: root!.pollUnsafe(),
        turns: this.turns,
        millis: this.millis,
        thrown: this.thrown,
        endless,
        digest: this.dice.below(2 ** 32)
      })
    }
    const turn = (): void => {
      if (root?.pollUnsafe() !== undefined) return end(false)
      if (++this.turns > maxTurns) return end(true)
      reading.world = this
      if (root === undefined) root = Effect.runForkWith(services)(effect)
      else if (this.lines.length > 0 || (this.sleeps.at(-1)?.at ?? Infinity) <= this.millis) this.step()
      else if (this.sleeps.length > 0) this.advance()
      else if (this.options.onQuiet?.() !== true) {
        reading.world = undefined
        return end(false)
      }
      // The tick that the last microtask requests comes when the queue of microtasks is empty.
      queueMicrotask(() =>
        process.nextTick(() => {
          reading.world = undefined
          turn()
        })
      )
    }
    replaceNow()
    turn()
  }
}

const makeClock = (world: World): TestClock.TestClock => {
  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return resume(Effect.void)
      if (millis === Infinity) return undefined
      return Effect.sync(world.sleepUntil(world.now + millis, () => resume(Effect.void)))
    })
  return {
    currentTimeMillisUnsafe: () => world.now,
    currentTimeNanosUnsafe: () => world.nowNanos,
    monotonicTimeNanosUnsafe: () => world.nowNanos,
    currentTimeMillis: Effect.sync(() => world.now),
    currentTimeNanos: Effect.sync(() => world.nowNanos),
    monotonicTimeNanos: Effect.sync(() => world.nowNanos),
    sleep,
    // Virtual time moves by itself, so a program that adjusts it waits until that time.
    adjust: (duration) => sleep(Duration.fromInputUnsafe(duration)),
    setTime: (timestamp) => Effect.suspend(() => sleep(Duration.millis(timestamp - world.now))),
    withLive: (effect) => effect
  }
}

/** Runs an effect in the world of a seed, in the context of the caller. */
export const runWorld = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  world: World
): Effect.Effect<WorldRun<A, E>, never, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<WorldRun<A, E>>((resume) =>
      world.run(context as Context.Context<never>, effect as Effect.Effect<A, E>, (run) => resume(Effect.succeed(run)))
    )
  )
