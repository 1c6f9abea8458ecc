/**
 * The payload of a failed task as short JSON text.
 *
 * Must stay true: the time is bounded for a payload of any size, since it is made on the main thread. `Redacted`
 * values stay redacted.
 */
import type * as Task from "../task.ts"

/** Characters of the text, and values of the payload that are looked at. */
const MAX = 2 * 1024

/** The text, cut at its limit; `null` if the payload has no JSON. */
export const payloadOf = (task: Task.Any): string | null => {
  try {
    const text = JSON.stringify(new Start().of(task)) ?? ""
    return text.length > MAX ? `${text.slice(0, MAX - 1)}…` : text
  } catch {
    return null
  }
}

/** Copies the start of a value: the parts that JSON has, up to the limit. */
class Start {
  private left = MAX

  of(value: unknown): unknown {
    this.left--
    if (typeof value === "string") return value.slice(0, MAX)
    if (typeof value !== "object" || value === null) return value
    // Before `toJSON`: that of a buffer makes an array of all its bytes.
    if (ArrayBuffer.isView(value)) {
      return Array.from(new Uint8Array(value.buffer, value.byteOffset, Math.min(value.byteLength, MAX)))
    }
    if ("toJSON" in value && typeof value.toJSON === "function") return this.left > 0 ? this.of(value.toJSON()) : null
    return Array.isArray(value) ? this.ofArray(value) : this.ofObject(value)
  }

  private ofArray(values: ReadonlyArray<unknown>): Array<unknown> {
    const start: Array<unknown> = []
    for (let i = 0; i < values.length && this.left > 0; i++) start.push(this.of(values[i]))
    return start
  }

  private ofObject(value: object): object {
    const start: Array<[string, unknown]> = []
    for (const key in value) {
      if (this.left <= 0) break
      if (Object.hasOwn(value, key)) start.push([key.slice(0, MAX), this.of(value[key as keyof typeof value])])
    }
    return Object.fromEntries(start)
  }
}
