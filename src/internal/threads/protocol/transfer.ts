/** The buffers of a payload or result that are moved to the other side: those given up, and copies of others. */
import { isMarkedAsUntransferable } from "node:worker_threads"

/** Every buffer in a value that can be moved. What Node shares between buffers of its own is left, and copied. */
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
      if (!buffer.detached && !isMarkedAsUntransferable(buffer)) buffers.add(buffer)
    } else if (!ArrayBuffer.isView(part)) {
      for (const inner of part instanceof Map ? [...part.keys(), ...part.values()] : Object.values(part)) {
        stack.push(inner)
      }
    }
  }
  return buffers
}

/** Of smaller buffers, in bytes, moving a copy costs more than it saves. */
const LARGE = 16 * 1024

/**
 * A copy, to be moved, of bytes in a large buffer: they are then copied once, and no more than the view shows, where
 * structured clone copies the whole buffer into the message and out of it again. Others are left to be cloned.
 */
export const copyLarge = (bytes: Uint8Array, moved: Array<ArrayBuffer>): Uint8Array => {
  const { buffer, byteLength, byteOffset } = bytes
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < LARGE) return bytes
  try {
    const copy = buffer.slice(byteOffset, byteOffset + byteLength)
    moved.push(copy)
    return new Uint8Array(copy)
  } catch {
    // No memory is left for it: when it is sent, that fails this item alone.
    return bytes
  }
}
