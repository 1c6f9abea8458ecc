/**
 * JSON text of data. Canonical text depends on a value alone, not on the order in which its keys were set, so that equal
 * payloads have equal keys.
 *
 * Must stay true: `JSON.parse` gives the same value back, -0 included, for all data that a JSON codec encodes to.
 */

/** Canonical text. Throws for a value that is not JSON. */
export const stringify = (value: unknown): string => textOf(value, sortedKeys)

/** Text with keys in their order. Throws for a value that is not JSON. */
export const stringifyInOrder = (value: unknown): string => textOf(value, Object.keys)

type KeysOf = (object: object) => ReadonlyArray<string>

const sortedKeys: KeysOf = (object) => Object.keys(object).sort()

const textOf = (value: unknown, keysOf: KeysOf): string => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value)
    case "number":
      if (!Number.isFinite(value)) break
      return Object.is(value, -0) ? "-0" : String(value)
    case "object":
      if (value === null) return "null"
      return Array.isArray(value)
        ? listText(value, keysOf)
        : objectText(value as Readonly<Record<string, unknown>>, keysOf)
  }
  throw new TypeError(`${String(value)} is not JSON`)
}

const listText = (list: ReadonlyArray<unknown>, keysOf: KeysOf): string => {
  let text = "["
  for (let i = 0; i < list.length; i++) text += i === 0 ? textOf(list[i], keysOf) : `,${textOf(list[i], keysOf)}`
  return `${text}]`
}

const objectText = (object: Readonly<Record<string, unknown>>, keysOf: KeysOf): string => {
  let text = ""
  for (const key of keysOf(object)) {
    const value = object[key]
    if (value === undefined) continue
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${textOf(value, keysOf)}`
  }
  return `{${text}}`
}
