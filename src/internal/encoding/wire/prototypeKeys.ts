/** Refuses the key `__proto__`, which a careless copy of a value would obey. */

const KEY = "__proto__"

/** Throws if a part of the value, which is plain data, has the key. */
export const refusePrototype = (value: unknown): void => {
  if (hasPrototypeKey(value)) throw new TypeError("a value with the key __proto__ cannot be sent to another host")
}

const hasPrototypeKey = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false
  if (Array.isArray(value)) return value.some(hasPrototypeKey)
  return Object.hasOwn(value, KEY) || Object.values(value).some(hasPrototypeKey)
}
