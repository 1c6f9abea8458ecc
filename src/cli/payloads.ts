/**
 * Reads the NDJSON input of `papyros run` as tasks.
 *
 * Must stay true: memory is bounded for an input of any length. Lines before an invalid line are executed, and the
 * error names the number of the line.
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
import type * as Task from "../Task.ts"
import { explain, type TaskJson } from "./json.ts"

/** The longest line that is read, in bytes. */
const MAX_LINE = 64 * 1024 * 1024

/** Only lines of at least this many characters are counted by `InFlight`. */
const LONG_LINE = 16 * 1024

/** Characters of long lines that may be in flight. */
const MAX_IN_FLIGHT = 64 * 1024 * 1024

/** A line of the input is no payload. The lines before it are executed. */
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
 * Bounds the size of the input between reading and writing. An execution bounds the number of its tasks, which is not
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

interface Options {
  readonly name: string
  readonly json: TaskJson
  /** The name of the input in messages. */
  readonly input: string
  readonly inFlight: InFlight
  readonly onRead: (tasks: number) => void
}

const NEWLINE = 0x0a
const BOM = [0xef, 0xbb, 0xbf]

/** Splits bytes into lines, and decodes each line to a task. */
class Reader {
  /** Set once the input cannot be read further. */
  error: InputError | undefined
  private readonly options: Options
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  private pending: Array<Uint8Array> = []
  private pendingBytes = 0
  private line = 0
  private index = 0

  constructor(options: Options) {
    this.options = options
  }

  /** The tasks of the lines that these bytes complete, up to the first invalid line. */
  read(chunks: Arr.NonEmptyReadonlyArray<Uint8Array>): Array<Task.Any> {
    const tasks: Array<Task.Any> = []
    for (const chunk of chunks) {
      if (this.error !== undefined) break
      const before = tasks.length
      this.readChunk(chunk, tasks)
      this.options.onRead(tasks.length - before)
    }
    return tasks
  }

  /** The task of the last line, if no newline ends it. */
  end(): Array<Task.Any> {
    const tasks: Array<Task.Any> = []
    if (this.error === undefined && this.pendingBytes > 0) {
      this.readLines(this.take(new Uint8Array(0)), tasks)
      this.options.onRead(tasks.length)
    }
    return tasks
  }

  private readChunk(chunk: Uint8Array, tasks: Array<Task.Any>): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    const first = end === 0 ? chunk.length : chunk.indexOf(NEWLINE)
    if (this.pendingBytes + first > MAX_LINE) {
      return this.fail(this.line + 1, `the line is longer than ${MAX_LINE / 1024 / 1024} MiB`)
    }
    if (end > 0) this.readLines(this.take(chunk.subarray(0, end - 1)), tasks)
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

  private readLines(bytes: Uint8Array, tasks: Array<Task.Any>): void {
    const block = this.line === 0 && BOM.every((byte, i) => bytes[i] === byte) ? bytes.subarray(BOM.length) : bytes
    const text = this.decode(block)
    if (Result.isSuccess(text)) return this.parseLines(text.success, tasks)
    // One of the lines is not UTF-8. The lines before it are valid.
    let from = 0
    while (this.error === undefined) {
      const newline = block.indexOf(NEWLINE, from)
      const line = this.decode(block.subarray(from, newline === -1 ? block.length : newline))
      if (Result.isFailure(line)) return this.fail(this.line + 1, "the line is not UTF-8")
      this.parseLines(line.success, tasks)
      from = newline + 1
    }
  }

  private decode(bytes: Uint8Array): Result.Result<string, unknown> {
    return Result.try(() => this.decoder.decode(bytes))
  }

  private parseLines(text: string, tasks: Array<Task.Any>): void {
    for (const line of text.split("\n")) {
      this.line++
      if (line === "" || line === "\r") continue
      const json = Result.try({ try: (): unknown => JSON.parse(line), catch: (error) => String(error) })
      if (Result.isFailure(json)) {
        if (line.trim() === "") continue
        return this.fail(this.line, `the line is not JSON: ${oneLine(json.failure)}`)
      }
      const task = this.options.json.decodePayload(this.tagged(json.success))
      if (task._tag === "Failure") {
        const why = oneLine(explain(task.cause))
        return this.fail(this.line, `the line is not the payload of a ${this.options.name}: ${why}`)
      }
      this.options.inFlight.read(this.index++, line.length)
      tasks.push(task.value as Task.Any)
    }
  }

  private tagged(json: unknown): unknown {
    return typeof json !== "object" || json === null || Array.isArray(json) || Object.hasOwn(json, "_tag")
      ? json
      : Object.assign(json, { _tag: this.options.name })
  }

  private fail(line: number, why: string): void {
    this.error = new InputError({ input: this.options.input, line, why })
  }
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ")

/**
 * The tasks of an NDJSON input, one array for each array of bytes. Fails at the first line that is no payload, after
 * the tasks before it have been emitted.
 */
export const fromBytes = <R>(
  bytes: Stream.Stream<Uint8Array, PlatformError.PlatformError, R>,
  options: Options
): Stream.Stream<Task.Any, InputError | PlatformError.PlatformError, R> =>
  Stream.transformPull(bytes, (upstream) =>
    Effect.sync(() => {
      const reader = new Reader(options)
      let ended = false
      const emit = (tasks: Array<Task.Any>) => Arr.isArrayNonEmpty(tasks) ? Effect.succeed(tasks) : pull
      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Task.Any>, InputError | PlatformError.PlatformError> = Effect
        .suspend(() => {
          if (reader.error !== undefined) return Effect.fail(reader.error)
          if (ended) return Cause.done()
          return Pull.matchEffect(Effect.andThen(options.inFlight.hasCapacity, upstream), {
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

const BLANK = new Set([0x09, 0x0d, 0x20])

/** The number of payloads, which is that of the lines that are not blank. It is not a number if reading fails. */
export const count = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Effect.Effect<number, never, R> =>
  Effect.suspend(() => {
    let lines = 0
    // Whether the line that has begun is counted.
    let counted = false
    const add = (chunk: Uint8Array): void => {
      for (let at = 0; at < chunk.length;) {
        if (!counted) {
          while (BLANK.has(chunk[at])) at++
          if (at === chunk.length) return
          if (chunk[at] !== NEWLINE) {
            counted = true
            lines++
          }
        }
        const newline = chunk.indexOf(NEWLINE, at)
        if (newline === -1) return
        counted = false
        at = newline + 1
      }
    }
    return Stream.runForEachArray(bytes, (chunks) => Effect.sync(() => chunks.forEach(add))).pipe(
      Effect.match({ onFailure: () => NaN, onSuccess: () => lines })
    )
  })
