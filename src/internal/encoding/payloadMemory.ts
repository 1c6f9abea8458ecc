/**
 * The memory of the snapshots of payloads. A payload is copied when it is handed over and needed until its task has its
 * outcome; then its memory serves the next one.
 *
 * Memory that waits for the garbage collector makes V8 mark its whole heap every few tens of megabytes, and fresh
 * memory costs page faults: with both, a snapshot takes ten times as long as its copy.
 *
 * Must stay true: memory is reused only after it was taken from its former owner, whose buffer is then empty.
 */

/** The smallest buffers that are reused, in bytes. */
const MIN_BYTES = 16 * 1024

/** The bytes that are kept for later at most. */
const MAX_SPARE = 16 * 1024 * 1024

export class PayloadMemory {
  private spare: Array<ArrayBuffer> = []
  private spareBytes = 0

  /** Copies bytes into memory of their own. */
  readonly copy = (bytes: Uint8Array): Uint8Array => {
    const buffer = bytes.byteLength < MIN_BYTES ? undefined : this.take(bytes.byteLength)
    if (buffer === undefined) return new Uint8Array(bytes)
    const copy = new Uint8Array(buffer)
    copy.set(bytes)
    return copy
  }

  /** Takes back the memory of a copy. */
  readonly free = (copy: Uint8Array): Uint8Array => {
    const { buffer } = copy
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < MIN_BYTES) return copy
    if (this.spareBytes + buffer.byteLength > MAX_SPARE) {
      buffer.transfer(0)
    } else {
      this.spareBytes += buffer.byteLength
      this.spare.push(buffer.transfer())
    }
    return copy
  }

  private take(byteLength: number): ArrayBuffer | undefined {
    const { spare } = this
    for (let at = spare.length - 1; at >= 0; at--) {
      if (spare[at].byteLength !== byteLength) continue
      const [buffer] = spare.splice(at, 1)
      this.spareBytes -= byteLength
      return buffer
    }
    // Other sizes are in use now.
    if (spare.length > 0) this.clear()
    return undefined
  }

  private clear(): void {
    for (const buffer of this.spare) buffer.transfer(0)
    this.spare = []
    this.spareBytes = 0
  }
}
