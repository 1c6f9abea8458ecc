/**
 * The frames of a connection: calls of effect/rpc, and messages of sessions, which take their own way because calls cost
 * several times as much. A call begins with its length, which is at least 1. A message begins with a zero byte, and then
 * has its length in 4 bytes.
 *
 * Must stay true: a frame above the limit is refused before its bytes are kept. A reader keeps no more than about twice
 * the bytes that it has received of one frame. The bytes of a frame are valid until the reader reads on.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Buffer } from "node:buffer"

/** The bytes before a message. */
const HEADER = 5

/** The first byte of a message. */
const MESSAGE = 0

/** A message of these parts as chunks to write. Small parts are copied into one chunk, and large ones are not. */
export const messageOf = (parts: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = Buffer.allocUnsafe(HEADER)
  header[0] = MESSAGE
  header.writeUInt32LE(length, 1)
  const all = [header, ...parts]
  return length <= MAX_COPIED ? [Buffer.concat(all)] : all
}

export interface Frame {
  readonly isMessage: boolean
  /** A call with its length, or a message without. */
  readonly bytes: Uint8Array
}

/** The bytes up to which a message is copied into one chunk. */
const MAX_COPIED = 16 * 1024

/** A buffer above this size is not kept for the next frame. */
const MAX_KEPT = 2 * 1024 * 1024

const MIN_BUFFER = 4096

/** The length of a call takes at most this number of bytes, and one more. */
const MAX_LENGTH_BYTES = 4

const NONE = new Uint8Array()

export class FrameReader {
  private readonly maxFrameSize: number
  private buffer = Buffer.alloc(0)
  /** The bytes in the buffer: the beginning of a frame. */
  private kept = 0
  /** The bytes to read, and the position of the next frame in them. */
  private bytes: Uint8Array = this.buffer
  private at = 0

  constructor(maxFrameSize: number) {
    this.maxFrameSize = maxFrameSize
  }

  /** Adds received bytes. Called once `next` has returned `undefined`. */
  add(chunk: Uint8Array): void {
    this.at = 0
    if (this.kept === 0) {
      this.bytes = chunk
      return
    }
    this.append(chunk)
    this.bytes = this.buffer.subarray(0, this.kept)
  }

  /** The next frame that is complete. Throws for a length that is malformed or above the limit. */
  next(): Frame | undefined {
    const { at, bytes } = this
    const end = this.end
    if (end === undefined || end > bytes.length) {
      this.keep()
      return undefined
    }
    this.at = end
    const isMessage = bytes[at] === MESSAGE
    return { isMessage, bytes: bytes.subarray(isMessage ? at + HEADER : at, end) }
  }

  /** The position after the next frame, if its length is known. */
  private get end(): number | undefined {
    const { at, bytes } = this
    if (bytes[at] === MESSAGE) {
      if (bytes.length - at < HEADER) return undefined
      const length = new DataView(bytes.buffer, bytes.byteOffset + at + 1, 4).getUint32(0, true)
      return at + HEADER + this.accepted(length)
    }
    let length = 0
    for (let i = 0; at + i < bytes.length; i++) {
      const byte = bytes[at + i]
      length = this.accepted(length + (byte & 0x7f) * 128 ** i)
      if (byte < 0x80) return at + i + 1 + length
      if (i === MAX_LENGTH_BYTES) throw new RangeError("a malformed length of a frame")
    }
    return undefined
  }

  private accepted(length: number): number {
    if (length > this.maxFrameSize) {
      throw new RangeError(`a frame of ${length} bytes, and ${this.maxFrameSize} are allowed`)
    }
    return length
  }

  private append(chunk: Uint8Array): void {
    const length = this.kept + chunk.length
    if (length > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(MIN_BUFFER, 2 * this.buffer.length, length))
      grown.set(this.buffer.subarray(0, this.kept))
      this.buffer = grown
    }
    this.buffer.set(chunk, this.kept)
    this.kept = length
  }

  /** Keeps the bytes from `at`, which begin a frame. */
  private keep(): void {
    const { at, bytes } = this
    this.bytes = NONE
    this.at = 0
    if (this.kept === 0) {
      if (at < bytes.length) this.append(bytes.subarray(at))
      return
    }
    this.kept -= at
    if (this.kept > 0) this.buffer.copyWithin(0, at, at + this.kept)
    else if (this.buffer.length > MAX_KEPT) this.buffer = Buffer.alloc(0)
  }
}

/** Handles the frames that are complete, one after the other. Fails with the reason if one of them is unreadable. */
export const handleAll = (
  frames: FrameReader,
  handle: (frame: Frame) => Effect.Effect<void>
): Effect.Effect<void, unknown> =>
  Effect.suspend(() => {
    const handled = Result.try(() => {
      const frame = frames.next()
      return frame === undefined ? undefined : handle(frame)
    })
    if (Result.isFailure(handled)) return Effect.fail(handled.failure)
    return handled.success === undefined ? Effect.void : Effect.andThen(handled.success, handleAll(frames, handle))
  })
