/**
 * Encoded payloads, results and errors as bytes: the format of structured clone, by `node:v8`, so that every value that
 * crosses to a thread crosses to another host as well.
 *
 * Must stay true: decoded values are plain data. No key sets a prototype, and binary data owns its memory.
 */
import { Buffer } from "node:buffer"
import { DefaultDeserializer, DefaultSerializer } from "node:v8"

/** The version of the format that this runtime writes. A runtime reads its own version and earlier ones. */
export const FORMAT: number = (() => {
  const serializer = new DefaultSerializer()
  serializer.writeHeader()
  return serializer.releaseBuffer()[1]
})()

/** Throws for a value that cannot be cloned, and for one that `decode` would refuse. */
export const encode = (value: unknown): Uint8Array => {
  const serializer = new DefaultSerializer()
  serializer.writeHeader()
  serializer.writeValue(value)
  const buffer = serializer.releaseBuffer()
  refusePrototype(buffer, value)
  return buffer
}

/** The method of `DefaultDeserializer` that reads binary data; its types do not have it. */
interface ReadsViews {
  _readHostObject(): ArrayBufferView
}

const readView = (DefaultDeserializer.prototype as unknown as ReadsViews)._readHostObject

class PlainDeserializer extends DefaultDeserializer {
  /** Copies: a view would retain the whole message, and a transfer to a thread would take all of it. */
  _readHostObject(): ArrayBufferView {
    const view = readView.call(this as unknown as ReadsViews)
    if (!(view instanceof Uint8Array)) throw new TypeError("binary data must be a Uint8Array")
    return new Uint8Array(view)
  }
}

/** Throws for bytes of another format, and for a value with a `__proto__` key, which a careless copy would obey. */
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

/** Keys are written as Latin-1 or as UTF-16. Only a value whose bytes contain the key is searched. */
const refusePrototype = (buffer: Buffer, value: unknown): void => {
  if ((buffer.includes(KEY, 0, "latin1") || buffer.includes(WIDE_KEY)) && hasPrototypeKey(value, new Set())) {
    throw new TypeError("a value with the key __proto__ cannot be sent to another host")
  }
}

const hasPrototypeKey = (value: unknown, seen: Set<object>): boolean => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return false
  seen.add(value)
  if (Object.hasOwn(value, KEY)) return true
  const parts = value instanceof Map || value instanceof Set ? Array.from(value).flat() : Object.values(value)
  return parts.some((part) => hasPrototypeKey(part, seen))
}
