/**
 * The label of a line, and how many columns of a terminal it may take.
 *
 * Must stay true: a terminal shows a label in at most `width` columns. Terminals disagree about emoji and composed
 * letters, so a width may be too large, never too small.
 */
import { sanitizeForLog } from "../sanitize.ts"

/** The first code point that may take two columns: Hangul Jamo. */
const WIDE = 0x1100

/** Follows a character to show it as an emoji. */
const EMOJI_SELECTOR = 0xfe0f

/** Marks and invisible characters. A soft hyphen is shown, and so are the signs of Arabic numbers. */
const ZERO_WIDTH = /^(?:[\p{Mn}\p{Me}]|(?!\u00ad)(?=\p{Cf})\p{Default_Ignorable_Code_Point})$/u

const ELLIPSIS = "…"

interface Grapheme {
  readonly text: string
  readonly width: number
}

const ASCII = /^[ -~]*$/

const graphemesOf = (text: string): Array<Grapheme> =>
  // A segmenter takes long to make.
  ASCII.test(text) ?
    Array.from(text, (text) => ({ text, width: 1 })) :
    Array.from(new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text), ({ segment }) => ({
      text: segment,
      width: widthOf(segment)
    }))

/** A terminal without support for a composed emoji shows its parts. */
const widthOf = (grapheme: string): number => {
  let width = 0
  for (const char of grapheme) {
    const code = char.codePointAt(0)!
    if (code === EMOJI_SELECTOR) width = Math.max(width, 2)
    else if (!ZERO_WIDTH.test(char)) width += code < WIDE ? 1 : 2
  }
  return width
}

export class Label {
  readonly text: string
  readonly width: number
  /** Whether the width is exact in all terminals. */
  readonly isExact: boolean
  private readonly graphemes: ReadonlyArray<Grapheme>

  private constructor(graphemes: ReadonlyArray<Grapheme>) {
    this.graphemes = graphemes
    this.text = graphemes.map(({ text }) => text).join("")
    this.isExact = ASCII.test(this.text)
    this.width = graphemes.reduce((sum, { width }) => sum + width, 0)
  }

  static make(text: string): Label {
    return new Label(graphemesOf(sanitizeForLog(text)))
  }

  /** The label in at most `columns`, cut between graphemes. */
  fit(columns: number): Label {
    if (this.width <= columns) return this
    let width = 1
    let kept = 0
    while (width + this.graphemes[kept].width <= columns) width += this.graphemes[kept++].width
    return new Label([...this.graphemes.slice(0, kept), { text: ELLIPSIS, width: 1 }])
  }
}
