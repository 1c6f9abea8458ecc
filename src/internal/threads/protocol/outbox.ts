/**
 * Messages that one side sends together, since sending one message costs as much as encoding a dozen. Messages are
 * sent in the order in which they were added. If an array of messages cannot be cloned, `repair` replaces the values
 * at fault, and the array is sent again: a message is never lost because of another one.
 * See "Batching" in docs/internals/threads-protocol.md.
 */
export class ThreadOutbox<M> {
  private messages: Array<M> = []
  private transferred: Array<ArrayBuffer> = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly post: (messages: ReadonlyArray<M>, transferred: ReadonlyArray<ArrayBuffer>) => void
  private readonly repair: (message: M) => M
  private readonly collect: ((add: (message: M) => void) => void) | undefined

  /**
   * @param repair replaces the values of a message that cannot be cloned
   * @param collect adds messages that go before all others, whenever messages are sent
   */
  constructor(
    post: (messages: ReadonlyArray<M>, transferred: ReadonlyArray<ArrayBuffer>) => void,
    repair: (message: M) => M,
    collect?: (add: (message: M) => void) => void
  ) {
    this.post = post
    this.repair = repair
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
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.send()
    }, 100).unref()
  }

  send(): void {
    const { messages, transferred } = this
    this.messages = []
    this.transferred = []
    this.collect?.((message) => messages.unshift(message))
    if (messages.length === 0) return
    try {
      this.post(messages, transferred)
    } catch {
      this.post(messages.map(this.repair), [])
    }
  }
}
