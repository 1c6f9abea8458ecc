/** Numbers, durations and times as the page shows them. */
import { sanitizeLines } from "../src/internal/sanitize.ts"

const grouped = new Intl.NumberFormat("en-US")

export const count = (n: number): string => grouped.format(Math.round(n))

/** Three significant digits, such as `0.31`, `17.9`, `211` and `12.4k`. */
export const short = (n: number): string => {
  if (n >= 999_500) return `${trim(n / 1e6)}M`
  if (n >= 9_995) return `${trim(n / 1e3)}k`
  return n >= 99.5 ? count(n) : trim(n)
}

const trim = (n: number): string => {
  if (n < 0.001) return "0"
  const text = n.toPrecision(3)
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text
}

/** A number with its noun: `1 worker`, `2 workers`. */
export const several = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`

/** A time span in milliseconds. */
export const span = (ms: number): string => {
  if (ms < 0.9995) return `${trim(Math.max(0, ms * 1000))} µs`
  if (ms < 999.5) return `${trim(ms)} ms`
  if (ms < 59_950) return `${trim(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  if (hours > 0) return minutes === 0 ? `${count(hours)} h` : `${count(hours)} h ${minutes} min`
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`
}

export const percent = (share: number): string => {
  const p = 100 * share
  return `${p > 0 && p < 10 ? p.toFixed(1) : Math.round(p)} %`
}

/** The time of day, in the zone of the browser. */
export const time = (epoch: number): string => new Date(epoch).toTimeString().slice(0, 8)

export const date = (epoch: number): string =>
  new Date(epoch).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })

/** Text of tasks, safe to show, on one line. */
export const line = (text: string): string => sanitizeLines(text).replace(/\s+/g, " ")
