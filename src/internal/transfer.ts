/** The buffers of a payload or result that are moved to the other side instead of copied. */
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
