/**
 * Draws the bars of segments that have ended into a canvas of their own, which is shifted to the left as time passes.
 *
 * Must stay true: an update draws only the segments that were added since the last one, not all visible segments. A row
 * draws at most a few marks for each column of pixels, whatever the number of its segments, and no failure is left out.
 * The segments of a row are in the order of their times, and new segments are added at the end of the same array.
 */
import type { Segment } from "../segment.ts"
import { colourOf, type Surface, TYPE_COLOURS } from "./canvas.ts"
import { drawFailureMark, type Rows } from "./rows.ts"

/** Pixels on both sides of the canvas: the mark of a failure is wider than its bar. */
const MARGIN = 6

/** The largest height of a mark of a failure above its bar, in pixels. */
const OVERHANG = 2.5

/** In rows below this height, failures have no mark. */
const LEAST_MARKED = 6

/** The first segment that ends after a time. */
export const firstAfter = (segments: ReadonlyArray<Segment>, t: number): number => {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (segments[middle].to < t) low = middle + 1
    else high = middle
  }
  return low
}

/** Rectangles by colour: to change the colour of a canvas costs more than to fill a rectangle. */
class Rectangles {
  private readonly faint = Array.from({ length: TYPE_COLOURS }, (): Array<number> => [])
  private readonly full = Array.from({ length: TYPE_COLOURS }, (): Array<number> => [])

  /** A bar of a type, of which a share of the height is busy. */
  add(type: number, x: number, y: number, w: number, h: number, share: number): void {
    const colour = colourOf(type)
    if (share < 0.995) this.faint[colour].push(x, y, w, h * (1 - share))
    this.full[colour].push(x, y + h * (1 - share), w, h * share)
  }

  draw(g: CanvasRenderingContext2D, colours: ReadonlyArray<string>): void {
    for (const [all, alpha] of [[this.faint, 0.28], [this.full, 1]] as const) {
      g.globalAlpha = alpha
      all.forEach((list, colour) => {
        g.fillStyle = colours[colour]
        for (let i = 0; i < list.length; i += 4) g.fillRect(list[i], list[i + 1], list[i + 2], list[i + 3])
      })
    }
  }
}

/** The segments of a row that was drawn, and the last of them that ends within the canvas. */
interface Drawn {
  readonly segments: ReadonlyArray<Segment>
  readonly last: Segment | undefined
}

export class Bars {
  private readonly canvas = document.createElement("canvas")
  private readonly g = this.canvas.getContext("2d")!
  private key = ""
  /** The time at the left end. */
  private origin = 0
  private drawn: Array<Drawn> = []

  /** Draws the bars between two times into the surface. */
  draw(
    surface: Surface,
    rows: Rows,
    { from, segments, to }: {
      readonly from: number
      readonly to: number
      /** The segments of each row. */
      readonly segments: ReadonlyArray<ReadonlyArray<Segment>>
    }
  ): void {
    const { g, height, ratio, theme } = surface
    const width = rows.right - rows.left
    const perMilli = width / (to - from)
    const key = [theme, width, height, ratio, segments.length, perMilli.toPrecision(9)].join()
    const [w, h] = [Math.ceil((width + 2 * MARGIN) * ratio), Math.round(height * ratio)]
    const moved = Math.floor((from - this.origin) * perMilli * ratio + 1e-6)
    if (key !== this.key || moved < 0 || moved >= w) {
      this.key = key
      this.origin = from
      this.drawn = []
      // To set the width also clears the canvas.
      this.canvas.width = w
      this.canvas.height = h
    } else if (moved > 0) {
      this.g.setTransform(1, 0, 0, 1, 0, 0)
      this.g.globalAlpha = 1
      this.g.globalCompositeOperation = "copy"
      this.g.drawImage(this.canvas, -moved, 0)
      this.g.globalCompositeOperation = "source-over"
      this.origin += moved / (perMilli * ratio)
    }
    this.g.setTransform(ratio, 0, 0, ratio, MARGIN * ratio, 0)
    this.add(surface, rows, segments, perMilli)
    // The left margin, with the bars that have moved into it, is not copied.
    const visible = w - MARGIN * ratio
    g.drawImage(this.canvas, MARGIN * ratio, 0, visible, h, rows.left, 0, visible / ratio, h / ratio)
  }

  /** Draws the segments that were added to the rows since the last call. */
  private add(
    { colours }: Surface,
    rows: Rows,
    segments: ReadonlyArray<ReadonlyArray<Segment>>,
    perMilli: number
  ): void {
    const { g } = this
    // The canvas is shifted by whole pixels, so it is drawn one pixel further to the right.
    const right = rows.right - rows.left + 1
    const end = this.origin + right / perMilli
    const overhang = Math.min(OVERHANG, rows.gap)
    const rectangles = new Rectangles()
    const failures: Array<() => void> = []
    segments.forEach((row, i) => {
      const drawn = this.drawn[i]
      let first = 0
      if (drawn?.segments === row) {
        first = row.length
        while (first > 0 && row[first - 1] !== drawn.last) first--
        if (first === row.length) return
      }
      let done = row.length
      while (done > 0 && row[done - 1].to > end) done--
      this.drawn[i] = { segments: row, last: row[done - 1] }
      // Several segments may share a column of pixels, which is drawn as a whole.
      const x = first === 0 ? -MARGIN : Math.floor((row[first].from - this.origin) * perMilli)
      if (x >= right) return
      const y = rows.y(i)
      g.clearRect(x, y - overhang, right + 2 * MARGIN - x, rows.h + overhang)
      this.addBars(rectangles, row, perMilli, Math.max(0, x), end, y, rows.h)
      failures.push(() => this.addFailures(colours, row, perMilli, x, end, y, rows.h, overhang))
    })
    rectangles.draw(g, colours.types)
    for (const draw of failures) draw()
  }

  private addBars(
    rectangles: Rectangles,
    row: ReadonlyArray<Segment>,
    perMilli: number,
    left: number,
    end: number,
    y: number,
    h: number
  ): void {
    /** The column of pixels that collects bars narrower than one pixel. */
    let column = -1
    let covered = 0
    let most = 0
    let dominant = 0
    const flush = (): void => {
      if (covered > 0) rectangles.add(dominant, column, y, 1, h, Math.min(1, covered))
      covered = most = 0
    }
    for (let i = firstAfter(row, this.origin + left / perMilli); i < row.length; i++) {
      const { busy, from, to, type } = row[i]
      if (from > end) break
      const a = (from - this.origin) * perMilli
      const b = (Math.min(end, to) - this.origin) * perMilli
      if (b - a >= 1) {
        const start = Math.max(left, a)
        rectangles.add(type, start, y, Math.max(0, b - start - (b - a > 3 ? 0.8 : 0)), h, busy)
        continue
      }
      const at = Math.floor(a)
      if (at < left) continue
      if (at !== column) {
        flush()
        column = at
      }
      const weight = (b - a) * busy
      covered += weight
      if (weight > most) {
        most = weight
        dominant = type
      }
    }
    flush()
  }

  /** One mark, a few pixels wide, stands for all failures that it covers. */
  private addFailures(
    colours: Surface["colours"],
    row: ReadonlyArray<Segment>,
    perMilli: number,
    left: number,
    end: number,
    y: number,
    h: number,
    overhang: number
  ): void {
    const { g } = this
    let last = -Infinity
    // Marks of earlier failures can reach into the part that is drawn.
    for (let i = firstAfter(row, this.origin + (left - MARGIN) / perMilli); i < row.length; i++) {
      const { failed, from, to } = row[i]
      if (from > end) break
      if (failed === 0) continue
      const a = (from - this.origin) * perMilli
      const b = (Math.min(end, to) - this.origin) * perMilli
      if (b - last < 2) continue
      last = b
      const w = Math.min(3.5, Math.max(1, b - a))
      g.fillStyle = colours.bad
      g.fillRect(b - w, y, w, h)
      if (h >= LEAST_MARKED) drawFailureMark({ g, colours }, b - 1.75, y, overhang)
    }
  }
}
