/**
 * Encoded payloads, results and errors as bytes: structured clone's own format, by
 * `node:v8`, so that whatever crosses to a thread crosses to another host as well.
 * What is decoded is plain data: no prototype can be set, and bytes own their memory.
 */
import { Buffer } from "node:buffer"
import { DefaultDeserializer, DefaultSerializer } from "node:v8"

/** The header of what this runtime writes: a later one may not be readable by an earlier. */
export const FORMAT: number = (() => {
  const serializer = new DefaultSerializer()
  serializer.writeHeader()
  return serializer.releaseBuffer()[1]
})()

/** Throws for what cannot be cloned, and for what `decode` would refuse. */
export const encode = (value: unknown): Uint8Array => {
  const serializer = new DefaultSerializer()
  serializer.writeHeader()
  serializer.writeValue(value)
  const buffer = serializer.releaseBuffer()
  refusePrototype(buffer, value)
  return buffer
}

/** What `DefaultDeserializer` reads bytes with; not in its types. */
interface ReadsViews {
  _readHostObject(): ArrayBufferView
}

const readView = (DefaultDeserializer.prototype as unknown as ReadsViews)._readHostObject

class PlainDeserializer extends DefaultDeserializer {
  /** A view of the message would keep all of it, and take all of it along into a thread. */
  _readHostObject(): ArrayBufferView {
    const view = readView.call(this as unknown as ReadsViews)
    if (!(view instanceof Uint8Array)) throw new TypeError("only bytes may be sent as binary data")
    return new Uint8Array(view)
  }
}

/** Throws for what is not of this format, or would set a prototype where it is copied carelessly. */
export const decode = (bytes: Uint8Array): unknown => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const deserializer = new PlainDeserializer(buffer)
  deserializer.readHeader()
  const value: unknown = deserializer.readValue()
  refusePrototype(buffer, value)
  return value
}

const KEY = "__proto__"
const WIDE_KEY = Buffer.from(KEY, "utf16le")

/** Keys are written as Latin-1 or as UTF-16: only what mentions the one has to be searched for it. */
const refusePrototype = (buffer: Buffer, value: unknown): void => {
  if ((buffer.includes(KEY, 0, "latin1") || buffer.includes(WIDE_KEY)) && hasPrototypeKey(value, new Set())) {
    throw new TypeError("__proto__ may not be a key of what is sent to another host")
  }
}

const hasPrototypeKey = (value: unknown, seen: Set<object>): boolean => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return false
  seen.add(value)
  if (Object.hasOwn(value, KEY)) return true
  const parts = value instanceof Map || value instanceof Set ? Array.from(value).flat() : Object.values(value)
  return parts.some((part) => hasPrototypeKey(part, seen))
}
