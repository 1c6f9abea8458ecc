/**
 * Keeps bars and other output apart on the terminal of this process. While it is installed, a write to stdout or stderr
 * erases the bars first, and they are drawn again behind it. Signals and the end of the process find no bars, and a
 * visible cursor.
 *
 * The bars are drawn through `Stdio`. This object recognizes their text when it passes through `write`. If it never
 * passes, as with a `Stdio` that is not that of the process, other output is left as it is.
 *
 * Must stay true: bars are drawn only where a line begins, so that a line is never torn. `uninstall` leaves no wrapped
 * function, listener or timer. No method throws.
 */

// The cursor stays where the bars begin: erasing them needs no knowledge of how many rows they take, so it never erases
// other output. When a terminal is made narrower, some emulators move the cursor down by the rows that they wrap, and
// parts of several bars stay.

/** Hides the cursor, and turns wrapping off: a terminal that was made narrower must not wrap a bar. */
const BEGIN = "\u001b[?25l\u001b[?7l\r"
const END = "\u001b[?7h\r"

/** Erases bars, and shows the cursor. The cursor is where they begin. */
export const ERASE = "\r\u001b[J\u001b[?25h"

/** The text that draws lines from the cursor on, and puts it back to where they begin. */
export const frameOf = (lines: ReadonlyArray<string>): string => {
  const up = lines.length > 1 ? `\u001b[${lines.length - 1}A` : ""
  return `${BEGIN}${lines.join("\u001b[K\r\n")}\u001b[J${END}${up}`
}

/** A stream of the process, as far as it is needed here. */
interface Output {
  readonly isTTY?: boolean | undefined
  write: (...args: any) => boolean
  readonly errored?: Error | null | undefined
  readonly closed?: boolean | undefined
  on: (event: "error", listener: () => void) => unknown
  off: (event: "error" | "close", listener: () => void) => unknown
  once: (event: "close", listener: () => void) => unknown
}

/** The process, as far as it is needed here. */
export interface Host {
  readonly stdout: Output
  readonly stderr: Output
  readonly pid: number
  readonly platform: string
  prependListener: (event: any, listener: () => void) => unknown
  off: (event: any, listener: () => void) => unknown
  listenerCount: (event: any) => number
  kill: (pid: number, signal: NodeJS.Signals) => unknown
}

/** Windows has the first two. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGTSTP"] as const

/** How long a process that was asked to stop may take to do so, in milliseconds. */
const STOPPING = 50

export class SharedTerminal {
  private readonly host: Host
  /** The bars that stand, or that other output has erased. */
  private frame: string | undefined
  private stands = false
  /** The text of the renderer that is about to pass. */
  private announced: string | undefined
  /** Other output has begun a line that it has not ended. */
  private midLine = false
  private suspended = false
  /** Bars have been written since `install`. */
  private hasWritten = false
  private resuming: NodeJS.Timeout | undefined
  private undo: Array<() => void> = []
  private toStderr: Output["write"] | undefined

  constructor(host: Host) {
    this.host = host
  }

  /** Announces text of the renderer, which is about to write it: bars, or `ERASE`. */
  announce(text: string): void {
    this.announced = text
  }

  install(): void {
    const { host } = this
    if (host.stderr.isTTY !== true) return
    this.toStderr = host.stderr.write.bind(host.stderr)
    this.wrap(host.stderr)
    if (host.stdout.isTTY === true) this.wrap(host.stdout)
    this.ignoreErrors()
    this.listen("exit", () => this.uninstall())
    for (const signal of host.platform === "win32" ? SIGNALS.slice(0, 2) : SIGNALS) {
      const listener = () => this.onSignal(signal, listener)
      this.listen(signal, listener)
    }
  }

  uninstall(): void {
    this.hide()
    clearTimeout(this.resuming)
    for (const undo of this.undo) undo()
    this.undo = []
    this.hasWritten = false
    this.frame =
      this.announced =
      this.resuming =
      this.toStderr =
        undefined
    this.midLine = this.suspended = false
  }

  // ----------------------------------------------------------------------------
  // Other output
  // ----------------------------------------------------------------------------

  private wrap(output: Output): void {
    const own = Object.getOwnPropertyDescriptor(output, "write")
    const original = output.write
    let active = true
    const write = (...args: Array<unknown>): boolean => {
      if (!active) return original.apply(output, args)
      if (this.announced !== undefined && args[0] === this.announced) {
        if (this.passes(args[0] as string)) return original.apply(output, args)
        const done = args.at(-1)
        if (typeof done === "function") queueMicrotask(() => done())
        return true
      }
      this.hide()
      const result = original.apply(output, args)
      this.wrote(args[0])
      return result
    }
    output.write = write
    this.undo.push(() => {
      active = false
      // Another wrapper around this one stays.
      if (output.write !== write) return
      if (own === undefined) Reflect.deleteProperty(output, "write")
      else Object.defineProperty(output, "write", own)
    })
  }

  /** Takes text of the renderer. Returns whether it may be written now. */
  private passes(text: string): boolean {
    this.announced = undefined
    this.frame = text === ERASE ? undefined : text
    if (this.midLine || this.suspended) return false
    this.stands = this.frame !== undefined
    this.hasWritten = true
    return true
  }

  private wrote(chunk: unknown): void {
    if ((typeof chunk !== "string" && !(chunk instanceof Uint8Array)) || chunk.length === 0) return
    this.midLine = !endsLine(chunk)
    // Behind all output of this turn, so that a loop that prints draws once.
    if (!this.midLine) queueMicrotask(() => this.draw())
  }

  private hide(): void {
    if (!this.stands) return
    this.stands = false
    this.put(ERASE)
  }

  private draw(): void {
    if (this.stands || this.midLine || this.suspended || this.frame === undefined) return
    this.stands = true
    this.put(this.frame)
  }

  private put(text: string): void {
    this.hasWritten = true
    try {
      this.toStderr?.(text)
    } catch {
      // Another wrapper threw. Bars are not worth an error.
    }
  }

  // ----------------------------------------------------------------------------
  // The process
  // ----------------------------------------------------------------------------

  private listen(event: string, listener: () => void): void {
    const { host } = this
    host.prependListener(event, listener)
    this.undo.push(() => host.off(event, listener))
  }

  /** An error of stderr that nothing listens for would end the process. */
  private ignoreErrors(): void {
    const { stderr } = this.host
    const ignore = () => {}
    stderr.on("error", ignore)
    const off = () => void stderr.off("error", ignore)
    const offLater = () => {
      if (stderr.errored && stderr.closed !== true) stderr.once("close", off)
      else off()
    }
    this.undo.push(() => {
      // The error of a write is emitted later than the write.
      if (this.hasWritten) setImmediate(offLater)
      else off()
    })
  }

  /** Has the effect of the signal without a listener, unless there are other listeners, which then decide. */
  private onSignal(signal: typeof SIGNALS[number], listener: () => void): void {
    const { host, undo } = this
    this.hide()
    if (host.listenerCount(signal) > 1) {
      // Some listeners end the process, but only if there are no others: `signal-exit`, or the terminal of another
      // `Stdio`. This listener is the first, and is away while they run.
      host.off(signal, listener)
      return queueMicrotask(() => {
        if (this.undo !== undo) return
        host.prependListener(signal, listener)
        this.draw()
      })
    }
    if (signal !== "SIGTSTP") {
      const { pid } = host
      this.uninstall()
      return void host.kill(pid, signal)
    }
    // Without the listener the signal stops the process. The next lines run when it continues.
    host.off(signal, listener)
    this.suspended = true
    host.kill(host.pid, signal)
    this.resuming = setTimeout(() => {
      host.prependListener(signal, listener)
      this.suspended = this.midLine = false
      this.draw()
    }, STOPPING)
  }
}

const NEWLINE = 10

/** Whether a text ends with a newline; sequences that only set colors may follow it. */
const endsLine = (chunk: string | Uint8Array): boolean =>
  // oxlint-disable-next-line no-control-regex
  typeof chunk === "string" ? /\n(?:\u001b\[[0-9;]*m)*$/.test(chunk) : chunk[chunk.length - 1] === NEWLINE
