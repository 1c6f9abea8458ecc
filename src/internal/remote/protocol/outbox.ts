/**
 * Joins plain code that produces messages with the Effect that sends them over a connection: everything that was
 * added since the last message goes into the next one, so messages grow while the other side reads slowly.
 *
 * Must stay true: a message is collected in a microtask, after the code that called `added` has finished, so that all
 * that one turn adds goes together.
 */
import * as Effect from "effect/Effect"

export class ConnectionOutbox<A> {
  private sender: ((effect: Effect.Effect<A>) => void) | undefined
  private scheduled = false
  private readonly collect: () => A | undefined

  /** `collect` takes everything that waits to be sent, or returns `undefined`. */
  constructor(collect: () => A | undefined) {
    this.collect = collect
  }

  /** Something waits to be sent. */
  readonly added = (): void => {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      const sender = this.sender
      if (sender === undefined) return
      const message = this.collect()
      if (message === undefined) return
      this.sender = undefined
      sender(Effect.succeed(message))
    })
  }

  /** The next message, once something waits to be sent. One caller at a time. */
  readonly take: Effect.Effect<A> = Effect.callback((resume) => {
    const message = this.collect()
    if (message !== undefined) return resume(Effect.succeed(message))
    this.sender = resume
    return Effect.sync(() => {
      this.sender = undefined
    })
  })
}
