/**
 * The source of an execution: an Iterable or a Stream, pulled one item at a time.
 *
 * Must stay true: nothing is pulled ahead of the caller, but for the rest of one
 * array of a Stream; after `done`, `next` returns `NONE`; its finalizers run once.
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
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
  private iterator: Iterator<A> | undefined

  constructor(iterable: Iterable<A>) {
    this.iterable = iterable
  }

  next(): A | typeof NONE {
    if (this.done) return NONE
    try {
      this.iterator ??= this.iterable[Symbol.iterator]()
      const result = this.iterator.next()
      if (result.done !== true) return result.value
      this.done = true
    } catch (defect) {
      this.done = true
      this.cause = Cause.die(defect)
    }
    return NONE
  }

  get close(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.done) return
      this.done = true
      this.iterator?.return?.()
    })
  }
}

/** Pulls an array of the stream only when the last one is used up, so that at most one array is ahead of the caller. */
class StreamSource<A, E> implements Source<A, E> {
  done = false
  cause: Cause.Cause<E> | undefined = undefined
  private items: ReadonlyArray<A> = []
  private at = 0
  private pulling: Fiber.Fiber<ReadonlyArray<A>, E | Cause.Done> | undefined
  private readonly pull: Pull.Pull<ReadonlyArray<A>, E>
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly arrived: () => void

  constructor(
    pull: Pull.Pull<ReadonlyArray<A>, E>,
    runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>,
    arrived: () => void
  ) {
    this.pull = pull
    this.runFork = runFork
    this.arrived = arrived
  }

  next(): A | typeof NONE {
    while (this.at === this.items.length) {
      if (this.done || this.pulling !== undefined) return NONE
      const fiber = this.runFork(this.pull)
      const exit = fiber.pollUnsafe()
      if (exit === undefined) {
        this.pulling = fiber
        fiber.addObserver((exit) => {
          this.pulling = undefined
          this.pulled(exit)
          this.arrived()
        })
        return NONE
      }
      this.pulled(exit)
    }
    return this.items[this.at++]
  }

  private pulled(exit: Exit.Exit<ReadonlyArray<A>, E | Cause.Done>): void {
    if (this.done) return
    if (exit._tag === "Success") {
      this.items = exit.value
      this.at = 0
      return
    }
    this.done = true
    const cause = exit.cause
    if (!cause.reasons.some((reason) => reason._tag === "Fail" && Cause.isDone(reason.error))) {
      this.cause = cause as Cause.Cause<E>
    }
  }

  get close(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.done = true
      const fiber = this.pulling
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
        (pull) => {
          const runFork = Effect.runForkWith(context)
          return new StreamSource(Effect.provideContext(pull, context), runFork, arrived)
        }
      )
    )
    : Effect.succeed(new IterableSource(items as Iterable<A>))
