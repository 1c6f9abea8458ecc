/**
 * Makes text from outside of this process safe to print: peers, handlers and input files choose it, and a terminal
 * obeys control characters.
 *
 * Must stay true: no control character and no bidirectional override passes, in either function.
 */

/** The longest text of a peer that a log line shows, in characters. */
const MAX_LENGTH = 256

/** C0, DEL and C1, and the characters that separate lines or change the direction of text. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`

/** One line of a log: every unsafe character is escaped, and a long text is cut. */
export const sanitizeForLog = (text: string): string =>
  (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text).replace(UNSAFE, escape)

/** A message of any length for a terminal, whose newlines and tabs stay. */
export const sanitizeLines = (text: string): string =>
  text.replace(UNSAFE, (char) => char === "\n" || char === "\t" ? char : escape(char))

/** JSON text for a terminal: JSON does not escape DEL and C1, which a terminal obeys. It stays the same JSON. */
export const sanitizeJson = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u007f-\u009f]/g, escape)
