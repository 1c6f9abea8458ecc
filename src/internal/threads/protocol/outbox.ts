/** Messages that are sent together: one costs as much to send as a dozen. */
export class ThreadOutbox<M> {
  private messages: Array<M> = []
  private moved: Array<ArrayBuffer> = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly post: (messages: ReadonlyArray<M>, moved: ReadonlyArray<ArrayBuffer>) => void
  private readonly repair: (message: M) => M
  private readonly collect: ((add: (message: M) => void) => void) | undefined

  /** `repair` replaces what cannot be cloned in a message; `collect` adds what else is to go, before all others. */
  constructor(
    post: (messages: ReadonlyArray<M>, moved: ReadonlyArray<ArrayBuffer>) => void,
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

  /** Buffers of messages that are given up, not copied. */
  move(buffers: Iterable<ArrayBuffer>): void {
    for (const buffer of buffers) if (!this.moved.includes(buffer)) this.moved.push(buffer)
  }

  /** Sends at the latest in 100 ms. */
  sendSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.send()
    }, 100).unref()
  }

  send(): void {
    const { messages, moved } = this
    this.messages = []
    this.moved = []
    this.collect?.((message) => messages.unshift(message))
    if (messages.length === 0) return
    try {
      this.post(messages, moved)
    } catch {
      this.post(messages.map(this.repair), [])
    }
  }
}
