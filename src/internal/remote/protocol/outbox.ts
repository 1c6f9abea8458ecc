/**
 * What waits to be sent on a connection: added to by plain code, taken by whoever
 * sends, all that there is at a time. While the other side is slow to read, more of
 * it goes together.
 */
import * as Effect from "effect/Effect"

export class ConnectionOutbox<A> {
  private waiter: ((effect: Effect.Effect<A>) => void) | undefined
  private told = false
  private readonly collect: () => A | undefined

  /** `collect` takes what there is, or nothing. */
  constructor(collect: () => A | undefined) {
    this.collect = collect
  }

  /** There is something to send. Taken when the code that runs has come to its end, with what else it adds. */
  readonly added = (): void => {
    if (this.told) return
    this.told = true
    queueMicrotask(() => {
      this.told = false
      const waiter = this.waiter
      if (waiter === undefined) return
      const all = this.collect()
      if (all === undefined) return
      this.waiter = undefined
      waiter(Effect.succeed(all))
    })
  }

  /** All that there is, when there is something. */
  readonly take: Effect.Effect<A> = Effect.callback((resume) => {
    const all = this.collect()
    if (all !== undefined) return resume(Effect.succeed(all))
    this.waiter = resume
    return Effect.sync(() => {
      this.waiter = undefined
    })
  })
}
