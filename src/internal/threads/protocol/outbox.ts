/**
 * Messages that one side sends together, since sending one message costs as much as encoding a dozen. Messages are
 * sent in the order in which they were added. If an array of messages cannot be posted, its messages are posted one by
 * one, and each that cannot be posted is repaired: a message is never lost because of another one, and `send` never
 * throws.
 * See "Batching" in docs/internals/threads-protocol.md.
 */
import { platform } from "#platform"

export class ThreadOutbox<M> {
  private messages: Array<M> = []
  private transferred: Array<ArrayBuffer> = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly post: (messages: ReadonlyArray<M>, transferred: ReadonlyArray<ArrayBuffer>) => void
  private readonly repairs: ReadonlyArray<(message: M) => M>
  private readonly collect: ((add: (message: M) => void) => void) | undefined

  /**
   * @param repairs make a message that cannot be posted one that can: each is tried if the one before did not help
   * @param collect adds messages that go before all others, whenever messages are sent
   */
  constructor(
    post: (messages: ReadonlyArray<M>, transferred: ReadonlyArray<ArrayBuffer>) => void,
    repairs: ReadonlyArray<(message: M) => M>,
    collect?: (add: (message: M) => void) => void
  ) {
    this.post = post
    this.repairs = repairs
    this.collect = collect
  }

  add(message: M): void {
    this.messages.push(message)
  }

  /** Adds buffers of messages that are transferred instead of copied. */
  transfer(buffers: Iterable<ArrayBuffer>): void {
    for (const buffer of buffers) if (!this.transferred.includes(buffer)) this.transferred.push(buffer)
  }

  /** Sends within 100 ms. */
  sendSoon(): void {
    if (this.timer !== undefined) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.send()
    }, 100)
    platform.unref(this.timer)
  }

  send(): void {
    const { messages, transferred } = this
    this.messages = []
    this.transferred = []
    this.collect?.((message) => messages.unshift(message))
    if (messages.length === 0) return
    if (this.tryPost(messages, transferred)) return
    for (const message of messages) this.repairAndPost(message)
  }

  private repairAndPost(message: M): void {
    if (this.tryPost([message], [])) return
    for (const repair of this.repairs) if (this.tryPost([repair(message)], [])) return
  }

  private tryPost(messages: ReadonlyArray<M>, transferred: ReadonlyArray<ArrayBuffer>): boolean {
    try {
      this.post(messages, transferred)
      return true
    } catch {
      return false
    }
  }
}
