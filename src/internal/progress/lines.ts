/**
 * The lines of several streams, from the widest form that fits into the terminal to the narrowest.
 *
 * Must stay true: every line has fewer columns than the terminal, because some terminals wrap when the last column is
 * written. All lines have the same form, so that their bars are below each other.
 */
import type { Label } from "./label.ts"
import type { Texts } from "./text.ts"

/** A stream that is shown. */
export interface Row {
  readonly label: Label
  readonly texts: Texts
}

/** The parts of a line beside the label, percent and failures, and the columns of the bar. */
interface Form {
  readonly bar: number
  readonly counts: boolean
  readonly rate: boolean
  readonly time: boolean
}

const FORMS: ReadonlyArray<Form> = [
  ...[32, 24, 16, 8, 0].map((bar) => ({ bar, counts: true, rate: true, time: true })),
  { bar: 0, counts: false, rate: true, time: true },
  { bar: 0, counts: false, rate: false, time: true },
  { bar: 0, counts: false, rate: false, time: false }
]

/** The fewest columns of a label that is cut, with its ellipsis. */
const SHORTEST_LABEL = 4

const GAP = "  "

const RESET = "\u001b[0m"
const GREEN = "\u001b[32m"
const RED = "\u001b[31m"
const DIM = "\u001b[2m"

/** Lines for a terminal of so many columns. */
export const linesOf = (rows: ReadonlyArray<Row>, columns: number, color: boolean): Array<string> => {
  const room = columns - 1
  const paint = (code: string, text: string) => color && text !== "" ? code + text + RESET : text
  const percentWidth = Math.max(...rows.map(({ texts }) => texts.percent?.length ?? 0))
  // A long label leaves half of the line to the rest.
  const labels = rows.map(({ label }) => label.fit(Math.max(SHORTEST_LABEL, Math.floor(room / 2))))
  const labelWidth = Math.max(...labels.map(({ width }) => width))
  const form = FORMS.find((form) => {
    const head = labelWidth === 0 ? 0 : labelWidth + GAP.length
    return rows.every(({ texts }) => head + widthOf(texts, form, percentWidth) <= room)
  })
  return rows.map(({ texts }, i) => {
    if (form === undefined) return narrowest(rows[i], room, paint)
    return padded(labels[i], labelWidth) + tail(texts, form, percentWidth, paint)
  })
}

/** A label with the gap behind it. */
const padded = (label: Label, width: number): string => {
  if (width === 0) return ""
  // The terminal may show a label in fewer columns than expected: the next part gets its column by number.
  return label.isExact
    ? label.text + " ".repeat(width - label.width) + GAP
    : `${label.text}\u001b[K\u001b[${width + GAP.length + 1}G`
}

/** The parts behind the percentage. */
const details = ({ counts, percent, rate, time }: Texts, form: Form): string => {
  const parts = [
    // Without a total, the count takes the place of the percentage.
    form.counts || percent === undefined ? counts : undefined,
    form.rate ? rate : undefined,
    form.time ? time : undefined
  ]
  return parts.filter((part) => part !== undefined).join(" · ")
}

type Paint = (code: string, text: string) => string

const plain: Paint = (_, text) => text

const tail = (texts: Texts, form: Form, percentWidth: number, paint: Paint): string => {
  const { failed, fraction, percent } = texts
  const rest = details(texts, form)
  const last = failed === undefined ? "" : rest === "" ? paint(RED, failed) : ` · ${paint(RED, failed)}`
  if (fraction === undefined || percent === undefined) return rest + last
  const head = (form.bar === 0 ? "" : bar(fraction, form.bar, paint) + GAP) + percent.padStart(percentWidth)
  return rest + last === "" ? head : head + GAP + rest + last
}

const widthOf = (texts: Texts, form: Form, percentWidth: number): number =>
  tail(texts, form, percentWidth, plain).length

/** A bar with a resolution of half a column. */
const bar = (fraction: number, width: number, paint: Paint): string => {
  const halves = Math.floor(fraction * width * 2)
  const full = halves >> 1
  const half = halves % 2
  return paint(GREEN, "━".repeat(full) + (half === 1 ? "╸" : "")) + paint(DIM, "─".repeat(width - full - half))
}

/** The line where no form fits: percentage, or count, and failures, as far as there is room, and part of the label. */
const narrowest = ({ label, texts }: Row, room: number, paint: Paint): string => {
  const main = texts.percent ?? texts.counts
  const form = { bar: 0, counts: false, rate: false, time: false }
  const withFailed = tail(texts, form, 0, plain)
  const fits = withFailed.length <= room
  const rest = fits ? tail(texts, form, 0, paint) : main.slice(0, Math.max(0, room))
  const left = room - (fits ? withFailed.length : rest.length) - GAP.length
  if (label.width === 0 || left < Math.min(SHORTEST_LABEL, label.width)) return rest
  const shown = label.fit(left)
  return padded(shown, shown.width) + rest
}
