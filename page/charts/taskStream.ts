/**
 * The task stream: a row for each worker, a bar for each segment.
 *
 * Must stay true: a row draws at most a few marks for each column of pixels, whatever the number of its segments, and
 * no failure is left out.
 */
import { count, percent, span, time } from "../format.ts"
import type { Segment } from "../segment.ts"
import { colourOf, type Surface, surfaceOf, timeStepOf } from "./canvas.ts"

export interface Row {
  readonly name: string
  /** By the time of their start. */
  readonly segments: ReadonlyArray<Segment>
  /** Times at which the worker of this row was lost, and until when it was missing. */
  readonly losses: ReadonlyArray<{ readonly from: number; readonly to: number; readonly cause: string }>
}

export interface StreamView {
  readonly rows: ReadonlyArray<Row>
  readonly from: number
  readonly to: number
  readonly now: number
  readonly typeNames: ReadonlyArray<string>
  /** The time of day at 0, and whether times are shown as time of day rather than back from now. */
  readonly epoch: number
  readonly isLive: boolean
  readonly selected?: Segment | undefined
}

/** A bar that is found by its place, with the text that describes it. */
export interface Hit {
  readonly row: number
  readonly segment: Segment
}

interface Frame {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly rowHeight: number
  readonly gap: number
  readonly x: (t: number) => number
}

const frameOf = (
  { height, isSmall, width }: Pick<Surface, "width" | "height" | "isSmall">,
  view: StreamView
): Frame => {
  const [left, right, top, bottom] = [isSmall ? 40 : 116, isSmall ? 8 : 14, 10, 24]
  const rowHeight = (height - top - bottom) / Math.max(1, view.rows.length)
  return {
    left,
    right: width - right,
    top,
    bottom: height - bottom,
    rowHeight,
    gap: rowHeight < 4 ? 0 : Math.min(6, Math.max(1.5, rowHeight * 0.2)),
    x: (t) => left + (t - view.from) / (view.to - view.from) * (width - left - right)
  }
}

const endOf = (segment: Segment, now: number): number => segment.to ?? now

/** The first segment that ends after a time: the ends of a row grow with the starts, but for sub-rows. */
const firstAfter = (segments: ReadonlyArray<Segment>, t: number): number => {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((segments[middle].to ?? Infinity) < t) low = middle + 1
    else high = middle
  }
  return low
}

const drawAxis = ({ colours, g, isSmall }: Surface, f: Frame, view: StreamView): void => {
  g.strokeStyle = colours.line
  g.fillStyle = colours.muted
  g.lineWidth = 1
  const step = timeStepOf(view.to - view.from, isSmall ? 3 : 7)
  const isBack = view.isLive && view.to >= view.now - 1
  const start = isBack ? view.to - Math.floor((view.to - view.from) / step) * step : Math.ceil(view.from / step) * step
  for (let t = start; t <= view.to + 1e-6; t += step) {
    const X = Math.round(f.x(t)) + 0.5
    g.beginPath()
    g.moveTo(X, f.top)
    g.lineTo(X, f.bottom + 4)
    g.stroke()
    const isLast = X > f.right - 24
    g.textAlign = isLast ? "right" : X < f.left + 24 ? "left" : "center"
    const back = view.to - t
    const label = !isBack ? (view.epoch > 0 ? time(view.epoch + t) : span(t)) : back < 1 ? "now" : `-${span(back)}`
    g.fillText(label, isLast ? f.right : X, f.bottom + 13)
  }
}

const drawBars = ({ colours, g }: Surface, f: Frame, view: StreamView, row: Row, y: number, h: number): void => {
  const { segments } = row
  /** What is drawn in one column of pixels, for bars that are narrower. */
  let column = -1
  let covered = 0
  let tasksOfType = 0
  let dominant = 0
  const flush = (): void => {
    if (column < 0 || covered <= 0) return
    g.fillStyle = colours.types[colourOf(dominant)]
    const share = Math.min(1, covered)
    g.globalAlpha = 0.28
    g.fillRect(column, y, 1, h)
    g.globalAlpha = 1
    g.fillRect(column, y + h * (1 - share), 1, h * share)
  }
  for (let i = firstAfter(segments, view.from); i < segments.length; i++) {
    const segment = segments[i]
    if (segment.from > view.to) break
    const a = Math.max(f.left, f.x(segment.from))
    const b = Math.min(f.right, f.x(endOf(segment, view.now)))
    if (b <= f.left || a >= f.right) continue
    if (b - a < 1) {
      const at = Math.floor(a)
      if (at !== column) {
        flush()
        column = at
        covered = tasksOfType = 0
      }
      const weight = (b - a) * segment.busy
      covered += weight
      if (weight > tasksOfType) {
        tasksOfType = weight
        dominant = segment.type
      }
      continue
    }
    const w = Math.max(0.8, b - a - (b - a > 3 ? 0.8 : 0))
    g.fillStyle = colours.types[colourOf(segment.type)]
    if (segment.busy < 0.995 && segment.to !== undefined) {
      g.globalAlpha = 0.28
      g.fillRect(a, y, w, h)
      g.globalAlpha = 1
      g.fillRect(a, y + h * (1 - segment.busy), w, h * segment.busy)
    } else {
      g.fillRect(a, y, w, h)
    }
    if (segment.to === undefined) drawRunning(colours, g, view.now - segment.from, a, w, y, h)
  }
  flush()
}

const hatch = (g: CanvasRenderingContext2D, a: number, w: number, y: number, h: number, step: number): void => {
  g.save()
  g.beginPath()
  g.rect(a, y, w, h)
  g.clip()
  g.beginPath()
  for (let q = a - h; q < a + w; q += step) {
    g.moveTo(q, y + h)
    g.lineTo(q + h, y)
  }
  g.stroke()
  g.restore()
}

const drawRunning = (
  colours: Surface["colours"],
  g: CanvasRenderingContext2D,
  ms: number,
  a: number,
  w: number,
  y: number,
  h: number
): void => {
  if (w < 4) return
  g.strokeStyle = colours.panel
  g.globalAlpha = 0.35
  g.lineWidth = 2
  hatch(g, a, w, y, h, 8)
  g.globalAlpha = 1
  g.lineWidth = 1
  if (h < 12) return
  const label = `running ${span(ms)}`
  g.font = `600 11.5px ${colours.font}`
  if (w > g.measureText(label).width + 12) {
    g.fillStyle = colours.panel
    g.textAlign = "left"
    g.fillText(label, a + 7, y + h / 2 + 0.5)
  }
  g.font = `12px ${colours.font}`
}

/** Failures have a shape of their own. One mark a few pixels wide stands for all that it covers. */
const drawFailures = ({ colours, g }: Surface, f: Frame, view: StreamView, row: Row, y: number, h: number): void => {
  let last = -Infinity
  for (let i = firstAfter(row.segments, view.from); i < row.segments.length; i++) {
    const segment = row.segments[i]
    if (segment.from > view.to) break
    if (segment.failed === 0) continue
    const a = Math.max(f.left, f.x(segment.from))
    const b = Math.min(f.right, f.x(endOf(segment, view.now)))
    if (b <= f.left || a >= f.right || b - last < 2) continue
    last = b
    g.fillStyle = colours.bad
    const bar = Math.min(3.5, Math.max(1, b - a))
    g.fillRect(b - bar, y, bar, h)
    if (h < 6) continue
    g.beginPath()
    g.moveTo(b - 7, y - 2.5)
    g.lineTo(b + 3.5, y - 2.5)
    g.lineTo(b - 1.75, y + 5.5)
    g.closePath()
    g.fill()
    g.strokeStyle = colours.panel
    g.lineWidth = 1
    g.stroke()
  }
}

const drawLosses = (
  { colours, g, isSmall }: Surface,
  f: Frame,
  view: StreamView,
  row: Row,
  y: number,
  h: number
): void => {
  for (const { cause, from, to } of row.losses) {
    if (to < view.from || from > view.to) continue
    const a = Math.max(f.left, f.x(from))
    const b = Math.min(f.right, f.x(Math.min(to, view.now)))
    g.strokeStyle = colours.bad
    g.lineWidth = 1.5
    hatch(g, a, b - a, y, h, 5)
    g.lineWidth = 1
    g.fillStyle = colours.bad
    g.fillRect(a - 1, y - 2, 2.5, h + 4)
    if (isSmall || h < 12) continue
    const label = `lost: ${cause}`
    g.font = `600 11px ${colours.font}`
    const w = g.measureText(label).width + 10
    const start = Math.min(b + 2, f.right - w)
    g.fillRect(start, y + h / 2 - 8, w, 16)
    g.fillStyle = colours.panel
    g.textAlign = "left"
    g.fillText(label, start + 5, y + h / 2 + 0.5)
    g.font = `12px ${colours.font}`
  }
}

const shorten = (name: string, isSmall: boolean): string => {
  const short = isSmall ? name.replace(/^(?:thread|worker|pool)[- ]?/, "") : name
  const most = isSmall ? 5 : 16
  return short.length > most ? `…${short.slice(1 - most)}` : short
}

export const drawTaskStream = (canvas: HTMLCanvasElement, view: StreamView): void => {
  const surface = surfaceOf(canvas)
  const { colours, g, isSmall } = surface
  const f = frameOf(surface, view)
  drawAxis(surface, f, view)
  const every = Math.ceil(13 / f.rowHeight)
  view.rows.forEach((row, i) => {
    const y = f.top + i * f.rowHeight + f.gap / 2
    const h = Math.max(1, f.rowHeight - f.gap)
    g.fillStyle = colours.row
    g.fillRect(f.left, y, f.right - f.left, h)
    if (i % every === 0) {
      g.fillStyle = row.losses.length > 0 ? colours.text : colours.muted
      g.textAlign = "right"
      g.fillText(shorten(row.name, isSmall), f.left - 10, y + h / 2)
    }
    drawBars(surface, f, view, row, y, h)
    drawFailures(surface, f, view, row, y, h)
    drawLosses(surface, f, view, row, y, h)
    if (view.selected !== undefined && row.segments.includes(view.selected)) {
      const a = Math.max(f.left, f.x(view.selected.from))
      const b = Math.min(f.right, f.x(endOf(view.selected, view.now)))
      g.strokeStyle = colours.text
      g.lineWidth = 2
      g.strokeRect(a - 1, y - 1, Math.max(3, b - a + 2), h + 2)
    }
  })
}

/** The bar at a place of the canvas, in its own pixels. */
export const hitOf = (canvas: HTMLCanvasElement, view: StreamView, px: number, py: number): Hit | undefined => {
  const { height, width } = canvas.getBoundingClientRect()
  const f = frameOf({ width, height, isSmall: innerWidth <= 720 }, view)
  const row = Math.floor((py - f.top) / f.rowHeight)
  const segments = view.rows[row]?.segments
  if (segments === undefined || px < f.left || px > f.right) return undefined
  const perPixel = (view.to - view.from) / (f.right - f.left)
  const t = view.from + (px - f.left) * perPixel
  for (let i = firstAfter(segments, t - perPixel); i < segments.length && segments[i].from <= t + perPixel; i++) {
    if (endOf(segments[i], view.now) >= t - perPixel) return { row, segment: segments[i] }
  }
  return undefined
}

/** A bar in words. */
export const describeSegment = (segment: Segment, view: StreamView): ReadonlyArray<string> => {
  const ms = endOf(segment, view.now) - segment.from
  const name = view.typeNames[segment.type] ?? "other tasks"
  const parts = [segment.tasks > 1 ? `${name} × ${count(segment.tasks)}` : name]
  if (segment.to === undefined) parts.push(`running for ${span(ms)}`)
  else if (segment.tasks > 1) {
    parts.push(`${span(ms)}, ${span(ms * segment.busy / segment.tasks)} each, busy ${percent(segment.busy)}`)
  } else parts.push(span(ms))
  if (segment.failed > 0) parts.push(`${count(segment.failed)} failed`)
  return parts
}
