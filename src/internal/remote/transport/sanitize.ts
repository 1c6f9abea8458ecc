/**
 * What a peer says, made fit for a log: control characters escaped, and cut. A
 * terminal that shows the log would obey them.
 */

const MOST = 256

export const sanitizeForLog = (text: string): string =>
  (text.length > MOST ? `${text.slice(0, MOST)}…` : text).replace(
    // C0, DEL and C1, and what turns the direction of text around.
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
