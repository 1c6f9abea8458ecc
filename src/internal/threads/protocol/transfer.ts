/**
 * The buffers of a payload or result that are transferred to the other side: those that the task gives up, and
 * copies of large ones. A buffer that the owner keeps is never transferred, only a copy of it.
 */
import { platform } from "#platform"
import { type CopyBytes, copyBytes } from "../../encoding/snapshot.ts"

/** Every buffer in a value that can be transferred. Buffers that Node shares between its own views are left, and copied. */
export const buffersOf = (value: unknown): Set<ArrayBuffer> => {
  const buffers = new Set<ArrayBuffer>()
  const seen = new Set<object>()
  const stack: Array<unknown> = [value]
  while (stack.length > 0) {
    const part = stack.pop()
    if (typeof part !== "object" || part === null || seen.has(part)) continue
    seen.add(part)
    const buffer = ArrayBuffer.isView(part) ? part.buffer : part
    if (buffer instanceof ArrayBuffer) {
      if (!buffer.detached && platform.isTransferable(buffer)) buffers.add(buffer)
    } else if (!ArrayBuffer.isView(part)) {
      for (const inner of part instanceof Map ? [...part.keys(), ...part.values()] : Object.values(part)) {
        stack.push(inner)
      }
    }
  }
  return buffers
}

/** The smallest buffer, in bytes, for which transferring a copy costs less than cloning. */
const LARGE = 16 * 1024

/**
 * Copies bytes, and adds a large copy to the buffers to transfer. The copy is the only one, of just the bytes in the
 * view; structured clone would copy the whole buffer into the message and out of it again.
 */
export const copyToTransfer = (transferred: Array<ArrayBuffer>): CopyBytes => (bytes) => {
  const copy = new Uint8Array(bytes)
  if (copy.byteLength >= LARGE) transferred.push(copy.buffer)
  return copy
}

/** As `copyToTransfer`, for bytes that nobody changes: bytes in a small buffer are not copied. */
export const copyLarge = (transferred: Array<ArrayBuffer>): CopyBytes => {
  const copy = copyToTransfer(transferred)
  return (bytes) => {
    if (bytes.buffer.byteLength < LARGE) return bytes
    try {
      return copy(bytes)
    } catch {
      // Out of memory. Cloning the bytes then fails as well, and fails this item alone.
      return bytes
    }
  }
}

/**
 * Takes bytes away from their owner, and adds their buffers to the buffers to transfer. Several views of one buffer
 * keep sharing it. Bytes that cannot be taken away are copied.
 */
export const moveBytes = (transferred: Array<ArrayBuffer>): CopyBytes => {
  const moved = new Map<ArrayBufferLike, ArrayBuffer>()
  return (bytes) => {
    const { buffer, byteLength, byteOffset } = bytes
    let own = moved.get(buffer)
    if (own === undefined) {
      if (!(buffer instanceof ArrayBuffer) || !platform.isTransferable(buffer)) return copyBytes(bytes)
      if (buffer.detached) throw new TypeError("its bytes have been moved before")
      try {
        own = buffer.transfer()
      } catch {
        // The memory of a WebAssembly instance.
        return copyBytes(bytes)
      }
      moved.set(buffer, own)
      transferred.push(own)
    }
    return new Uint8Array(own, byteOffset, byteLength)
  }
}
