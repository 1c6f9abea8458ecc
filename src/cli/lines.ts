/**
 * Reads an NDJSON input: each line is JSON, and a value is made of it.
 *
 * Must stay true: memory is bounded for an input of any length. Lines before an invalid line are read, and the error
 * names the number of the line.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as PlatformError from "effect/PlatformError"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Only lines of at least this many characters are counted by `InFlight`. */
const LONG_LINE = 16 * 1024

/** Characters of long lines that may be in flight. */
const MAX_IN_FLIGHT = 64 * 1024 * 1024

/** A line of the input cannot be read. The lines before it are executed. */
export class InputError extends Schema.TaggedError<InputError>("papyros/cli/InputError")("InputError", {
  input: Schema.String,
  line: Schema.Int,
  why: Schema.String
}) {
  override get message(): string {
    return `${this.input}, line ${this.line}: ${this.why}`
  }
}

/**
 * Bounds the size of the input between reading and writing. An execution bounds the number of its values, which is not
 * enough for lines of many megabytes.
 */
export class InFlight {
  private readonly sizes = new Map<number, number>()
  private total = 0
  private readonly latch = Latch.makeUnsafe(true)

  /** Waits until the bound allows one more line, of any length. */
  readonly hasCapacity: Effect.Effect<void> = this.latch.await

  read(index: number, size: number): void {
    if (size < LONG_LINE) return
    this.sizes.set(index, size)
    this.total += size
    if (this.total >= MAX_IN_FLIGHT) this.latch.closeUnsafe()
  }

  written(index: number): void {
    const size = this.sizes.size === 0 ? undefined : this.sizes.get(index)
    if (size === undefined) return
    this.sizes.delete(index)
    this.total -= size
    if (this.total < MAX_IN_FLIGHT) this.latch.openUnsafe()
  }
}

interface Options<A> {
  /** The name of the input in messages. */
  readonly input: string
  /** The longest line that is read, in MiB. */
  readonly maxLine: number
  /**
   * Makes the value of a line that is not blank, or says why there is none. `index` counts such lines from 0, and `line`
   * counts all lines from 1.
   */
  readonly parse: (json: unknown, index: number, line: number) => Result.Result<A, string>
  /** Bounds the values that are not written yet, if they are not used one by one. */
  readonly inFlight?: InFlight | undefined
  /** Called for each value. */
  readonly onLine?: (() => void) | undefined
  /** Called in place of an error if the last line ends in the middle of its JSON, with its number. */
  readonly onCut?: ((line: number) => void) | undefined
}

const NEWLINE = 0x0a
const BOM = [0xef, 0xbb, 0xbf]

/** Splits bytes into lines, and parses each line. */
class Reader<A> {
  /** Set once the input cannot be read further. */
  error: InputError | undefined
  private readonly options: Options<A>
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  private pending: Array<Uint8Array> = []
  private pendingBytes = 0
  private line = 0
  private index = 0
  /** Whether the line has no newline. */
  private ending = false

  constructor(options: Options<A>) {
    this.options = options
  }

  /** The values of the lines that these bytes complete, up to the first invalid line. */
  read(chunks: Arr.NonEmptyReadonlyArray<Uint8Array>): Array<A> {
    const values: Array<A> = []
    for (const chunk of chunks) {
      if (this.error !== undefined) break
      this.readChunk(chunk, values)
    }
    return values
  }

  /** The value of the last line, if no newline ends it. */
  end(): Array<A> {
    const values: Array<A> = []
    if (this.error === undefined && this.pendingBytes > 0) {
      this.ending = true
      this.readLines(this.take(new Uint8Array(0)), values)
    }
    return values
  }

  private readChunk(chunk: Uint8Array, values: Array<A>): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    const first = end === 0 ? chunk.length : chunk.indexOf(NEWLINE)
    if (this.pendingBytes + first > this.options.maxLine * 1024 * 1024) {
      return this.fail(this.line + 1, `the line is longer than ${this.options.maxLine} MiB`)
    }
    if (end > 0) this.readLines(this.take(chunk.subarray(0, end - 1)), values)
    if (end < chunk.length) {
      this.pending.push(chunk.subarray(end))
      this.pendingBytes += chunk.length - end
    }
  }

  /** The pending bytes, followed by `rest`. */
  private take(rest: Uint8Array): Uint8Array {
    if (this.pendingBytes === 0) return rest
    const bytes = Buffer.concat([...this.pending, rest], this.pendingBytes + rest.length)
    this.pending = []
    this.pendingBytes = 0
    return bytes
  }

  private readLines(bytes: Uint8Array, values: Array<A>): void {
    const block = this.line === 0 && BOM.every((byte, i) => bytes[i] === byte) ? bytes.subarray(BOM.length) : bytes
    const text = this.decode(block)
    if (Result.isSuccess(text)) return this.parseLines(text.success, values)
    // One of the lines is not UTF-8. The lines before it are valid.
    let from = 0
    while (this.error === undefined) {
      const newline = block.indexOf(NEWLINE, from)
      const line = this.decode(block.subarray(from, newline === -1 ? block.length : newline))
      if (Result.isFailure(line)) return this.broken(this.line + 1, "the line is not UTF-8")
      this.parseLines(line.success, values)
      from = newline + 1
    }
  }

  private decode(bytes: Uint8Array): Result.Result<string, unknown> {
    return Result.try(() => this.decoder.decode(bytes))
  }

  private parseLines(text: string, values: Array<A>): void {
    for (const line of text.split("\n")) {
      this.line++
      if (line === "" || line === "\r") continue
      const json = Result.try({ try: (): unknown => JSON.parse(line), catch: (error) => String(error) })
      if (Result.isFailure(json)) {
        if (line.trim() === "") continue
        return this.broken(this.line, `the line is not JSON: ${oneLine(json.failure)}`)
      }
      const value = this.options.parse(json.success, this.index, this.line)
      if (Result.isFailure(value)) return this.fail(this.line, value.failure)
      this.options.inFlight?.read(this.index, line.length)
      this.index++
      this.options.onLine?.()
      values.push(value.success)
    }
  }

  /** A line of which a part may be missing. */
  private broken(line: number, why: string): void {
    if (this.ending && this.options.onCut !== undefined) this.options.onCut(line)
    else this.fail(line, why)
  }

  private fail(line: number, why: string): void {
    this.error = new InputError({ input: this.options.input, line, why })
  }
}

/** A message on one line. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ")

/**
 * The values of an NDJSON input, one array for each array of bytes. Fails at the first line that has none, after the
 * values before it have been emitted.
 */
export const fromBytes = <A, R>(
  bytes: Stream.Stream<Uint8Array, PlatformError.PlatformError, R>,
  options: Options<A>
): Stream.Stream<A, InputError | PlatformError.PlatformError, R> =>
  Stream.transformPull(bytes, (upstream) =>
    Effect.sync(() => {
      const reader = new Reader(options)
      const hasCapacity = options.inFlight?.hasCapacity ?? Effect.void
      let ended = false
      const emit = (values: Array<A>) => Arr.isArrayNonEmpty(values) ? Effect.succeed(values) : pull
      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, InputError | PlatformError.PlatformError> = Effect
        .suspend(() => {
          if (reader.error !== undefined) return Effect.fail(reader.error)
          if (ended) return Cause.done()
          return Pull.matchEffect(Effect.andThen(hasCapacity, upstream), {
            onSuccess: (chunks) => emit(reader.read(chunks)),
            onFailure: Effect.failCause,
            onDone: () => {
              ended = true
              return emit(reader.end())
            }
          })
        })
      return pull
    }))
