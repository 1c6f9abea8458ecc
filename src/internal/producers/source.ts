/**
 * The source of an execution: an Iterable or a Stream, pulled one item at a time.
 *
 * Must stay true: nothing is pulled ahead of the caller, but for the rest of one
 * array of a Stream; it is not pulled while it is pulled; after `done`, `next` returns
 * `NONE`; its finalizers run once.
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** No item is there, now or for good. A symbol, since a source may hold any value. */
export const NONE: unique symbol = Symbol("papyros/internal/none")

export interface Source<out A, out E> {
  readonly next: () => A | typeof NONE
  /** No more items will come. If the source failed, `cause` says why. */
  readonly done: boolean
  readonly cause: Cause.Cause<E> | undefined
  /** Stops it and runs its finalizers. */
  readonly close: Effect.Effect<void>
}

class IterableSource<A> implements Source<A, never> {
  done = false
  cause: Cause.Cause<never> | undefined = undefined
  private readonly iterable: Iterable<A>
  /** The same, if it is an array, which is read by index: its iterator would make an object for each item. */
  private readonly array: ReadonlyArray<A> | undefined
  private at = 0
  private iterator: Iterator<A> | undefined
  /** The iterator is running: code in it may resume the consumer, which asks for more or closes the source. */
  private pulling = false

  constructor(iterable: Iterable<A>) {
    this.iterable = iterable
    this.array = isPlainArray(iterable) ? iterable : undefined
  }

  next(): A | typeof NONE {
    if (this.done || this.pulling) return NONE
    this.pulling = true
    try {
      if (this.array !== undefined) {
        if (this.at < this.array.length) {
          const item = this.array[this.at++]
          // A getter may have closed the source.
          return this.done ? NONE : item
        }
        this.done = true
        return NONE
      }
      this.iterator ??= this.iterable[Symbol.iterator]()
      const result = this.iterator.next()
      if (result.done !== true) {
        if (!this.done) return result.value
        this.iterator.return?.()
      }
      this.done = true
    } catch (defect) {
      this.done = true
      this.cause = Cause.die(defect)
    } finally {
      this.pulling = false
    }
    return NONE
  }

  get close(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.done) return
      this.done = true
      if (!this.pulling) this.iterator?.return?.()
    })
  }
}

/** Whether its iterator is that of all arrays. */
const isPlainArray = <A>(iterable: Iterable<A>): iterable is ReadonlyArray<A> =>
  Array.isArray(iterable) && iterable[Symbol.iterator] === Array.prototype[Symbol.iterator]

/**
 * Pulls an array of the stream only when the last one is used up, so that at most one array is ahead of the caller.
 *
 * One fiber pulls for the life of the source, so that the fibers that the stream forks live until the source is closed.
 */
class StreamSource<A, E, R> implements Source<A, E> {
  done = false
  cause: Cause.Cause<E> | undefined = undefined
  private items: ReadonlyArray<A> = []
  private at = 0
  /** An array was asked for and is not there yet. */
  private pulling = false
  /** `next` waits for the fiber on the stack, so it sees an array that arrives without `arrived`. */
  private asking = false
  private fiber: Fiber.Fiber<never> | undefined
  /** Makes the fiber, which waits, pull the next array. */
  private resume!: (effect: Effect.Effect<void>) => void
  private readonly start: () => Fiber.Fiber<never>
  private readonly arrived: () => void

  constructor(
    pull: Pull.Pull<ReadonlyArray<A>, E, void, R>,
    fork: (loop: Effect.Effect<never, never, R>) => Fiber.Fiber<never>,
    arrived: () => void
  ) {
    this.arrived = arrived
    const pullOnce = Effect.flatMap(pull, (items) => {
      this.items = items
      this.at = 0
      return this.untilAsked
    })
    const loop = Effect.catchCause(Effect.forever(pullOnce, { disableYield: true }), (cause) => {
      this.end(cause)
      return Effect.never
    })
    this.start = () => fork(loop)
  }

  next(): A | typeof NONE {
    while (this.at === this.items.length) {
      if (this.done || this.pulling) return NONE
      this.pulling = true
      this.asking = true
      if (this.fiber === undefined) this.startFiber()
      else this.resume(Effect.void)
      this.asking = false
      if (this.pulling) return NONE
    }
    return this.items[this.at++]
  }

  private startFiber(): void {
    this.fiber = this.start()
    // The loop has no end, but the stream may interrupt the fiber in which it runs.
    this.fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) this.end(exit.cause)
    })
  }

  private readonly untilAsked = Effect.callback<void>((resume) => {
    this.resume = resume
    this.pulled()
  })

  private end(cause: Cause.Cause<E | Cause.Done>): void {
    if (this.done) return
    this.done = true
    // Beside the end of the stream there may be a defect of a finalizer.
    const reasons = cause.reasons.filter((reason) => reason._tag !== "Fail" || !Cause.isDone(reason.error))
    if (reasons.length > 0) this.cause = Cause.fromReasons(reasons) as Cause.Cause<E>
    this.pulled()
  }

  private pulled(): void {
    this.pulling = false
    if (!this.asking) this.arrived()
  }

  get close(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.done = true
      const { fiber } = this
      if (fiber === undefined) return resume(Effect.void)
      fiber.addObserver(() => resume(Effect.void))
      fiber.interruptUnsafe()
    })
  }
}

/** The source of an execution over an Iterable, or over a Stream whose finalizers run with `scope`. */
export const make = <A, E, R>(
  items: Iterable<A> | Stream.Stream<A, E, R>,
  scope: Scope.Scope,
  arrived: () => void
): Effect.Effect<Source<A, E>, never, R> =>
  Stream.isStream(items)
    ? Effect.contextWith((context: Context.Context<R>) =>
      Effect.map(
        Channel.toPullScoped((items as Stream.Stream<A, E, R>).channel, scope),
        (pull) => new StreamSource(pull, Effect.runForkWith(context), arrived)
      )
    )
    : Effect.succeed(new IterableSource(items as Iterable<A>))
