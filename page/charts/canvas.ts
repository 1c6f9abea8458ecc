/** The ground of all drawings: a canvas in the pixels of the screen, and the colours of the theme. */

export interface Surface {
  readonly g: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
  readonly isSmall: boolean
  /** Pixels of the screen for each pixel of the page. */
  readonly ratio: number
  readonly theme: string | undefined
  readonly colours: Colours
}

interface Colours {
  readonly types: ReadonlyArray<string>
  readonly bad: string
  readonly row: string
  readonly muted: string
  readonly line: string
  readonly text: string
  readonly panel: string
  readonly font: string
}

/** Types of task have a colour each, and further types share the last one. */
export const TYPE_COLOURS = 8

export const colourOf = (type: number): number => Math.min(type, TYPE_COLOURS - 1)

let known: { readonly theme: string | undefined; readonly colours: Colours } | undefined

/** Reads the style once for each theme: reading it makes the browser compute its layout. */
const coloursOf = (): Colours => {
  const { theme } = document.documentElement.dataset
  if (known === undefined || known.theme !== theme) {
    const style = getComputedStyle(document.documentElement)
    const css = (name: string): string => style.getPropertyValue(name).trim()
    known = {
      theme,
      colours: {
        types: Array.from({ length: TYPE_COLOURS }, (_, i) => css(`--c${i}`)),
        bad: css("--bad"),
        row: css("--row"),
        muted: css("--muted"),
        line: css("--line"),
        text: css("--text"),
        panel: css("--panel"),
        font: css("--font")
      }
    }
  }
  return known.colours
}

export const surfaceOf = (canvas: HTMLCanvasElement): Surface => {
  const { height, width } = canvas.getBoundingClientRect()
  const ratio = devicePixelRatio || 1
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w
    canvas.height = h
  }
  const g = canvas.getContext("2d")!
  const colours = coloursOf()
  g.setTransform(ratio, 0, 0, ratio, 0, 0)
  g.clearRect(0, 0, width, height)
  g.font = `12px ${colours.font}`
  g.textBaseline = "middle"
  return { g, width, height, ratio, isSmall: innerWidth <= 720, theme: document.documentElement.dataset.theme, colours }
}

/** A step of 1, 2 or 5 times a power of ten, so that `length` has about `n` of them. */
export const stepOf = (length: number, n: number): number => {
  const raw = Math.max(length / n, Number.MIN_VALUE)
  const power = 10 ** Math.floor(Math.log10(raw))
  return power * ([1, 2, 5].find((factor) => factor * power >= raw * 0.999) ?? 10)
}

/** Steps of time, in milliseconds. */
const TIME_STEPS = [
  0.1,
  0.2,
  0.5,
  1,
  2,
  5,
  10,
  15,
  30,
  60,
  120,
  300,
  600,
  900,
  1800,
  3600,
  7200,
  14_400,
  43_200,
  86_400
]

export const timeStepOf = (ms: number, n: number): number =>
  1000 * (TIME_STEPS.find((seconds) => 1000 * seconds * n >= ms) ?? 7 * 86_400)
