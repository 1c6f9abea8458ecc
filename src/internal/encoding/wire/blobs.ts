/**
 * Bytes and long texts of the values of a chunk. They follow the columns as they are, because effect/encoding/SchemaBinary
 * copies bytes several times, and handles each character of a text individually.
 *
 * Must stay true: the reader takes exactly the bytes that it was given, or throws.
 */
import { Buffer } from "node:buffer"

/** The bytes of the length of the columns. */
const LENGTH_BYTES = 4

export class BlobWriter {
  /** The bytes that the blobs take. */
  size = 0
  /** Whether the bytes of a text are not those of its characters, because they are not well-formed Unicode. */
  isInexact = false
  private readonly blobs: Array<Uint8Array | string> = []

  /** Returns the number of bytes. */
  bytes(bytes: Uint8Array): number {
    this.blobs.push(bytes)
    this.size += bytes.length
    return bytes.length
  }

  /** Returns the number of bytes in UTF-8. */
  text(text: string): number {
    this.isInexact ||= !text.isWellFormed()
    this.blobs.push(text)
    const length = Buffer.byteLength(text)
    this.size += length
    return length
  }

  /** The encoded columns and the blobs. */
  after(columns: Uint8Array): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(LENGTH_BYTES + columns.length + this.size)
    let at = bytes.writeUInt32LE(columns.length)
    bytes.set(columns, at)
    at += columns.length
    for (const blob of this.blobs) {
      if (typeof blob === "string") at += bytes.write(blob, at)
      else {
        bytes.set(blob, at)
        at += blob.length
      }
    }
    return bytes
  }
}

export class BlobReader {
  /** The encoded columns. */
  readonly columns: Uint8Array
  private readonly source: Buffer
  private at = LENGTH_BYTES

  constructor({ buffer, byteLength, byteOffset }: Uint8Array) {
    this.source = Buffer.from(buffer, byteOffset, byteLength)
    if (byteLength < LENGTH_BYTES) throw malformed()
    const [from, to] = this.next(this.source.readUInt32LE())
    // Not a Buffer, because parts of it would be views of its memory.
    this.columns = new Uint8Array(buffer, byteOffset + from, to - from)
  }

  bytes(length: number): Uint8Array {
    const [from, to] = this.next(length)
    return new Uint8Array(this.source.subarray(from, to))
  }

  text(length: number): string {
    const [from, to] = this.next(length)
    return this.source.toString("utf8", from, to)
  }

  /** Throws if not all bytes were taken. */
  end(): void {
    if (this.at !== this.source.length) throw malformed()
  }

  private next(length: number): readonly [from: number, to: number] {
    const from = this.at
    if (!Number.isSafeInteger(length) || length < 0 || from + length > this.source.length) throw malformed()
    return [from, this.at += length]
  }
}

const malformed = (): RangeError => new RangeError("the bytes of a chunk do not have their lengths")
