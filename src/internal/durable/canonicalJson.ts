/**
 * JSON text that depends on a value alone, not on the order in which its keys were set, so that equal payloads have
 * equal keys.
 *
 * Must stay true: `JSON.parse` gives the same value back, -0 included, for all data that a JSON codec encodes to.
 */

/** Throws for a value that is not JSON. */
export const stringify = (value: unknown): string => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value)
    case "number":
      if (!Number.isFinite(value)) break
      return Object.is(value, -0) ? "-0" : String(value)
    case "object":
      if (value === null) return "null"
      return Array.isArray(value) ? listText(value) : objectText(value as Readonly<Record<string, unknown>>)
  }
  throw new TypeError(`${String(value)} is not JSON`)
}

const listText = (list: ReadonlyArray<unknown>): string => {
  let text = "["
  for (let i = 0; i < list.length; i++) text += i === 0 ? stringify(list[i]) : `,${stringify(list[i])}`
  return `${text}]`
}

const objectText = (object: Readonly<Record<string, unknown>>): string => {
  let text = ""
  for (const key of Object.keys(object).sort()) {
    const value = object[key]
    if (value === undefined) continue
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${stringify(value)}`
  }
  return `{${text}}`
}
