/** The task stream: a row for each slot of a worker, a bar for each segment, and running tasks and losses on top. */
import { count, percent, span, time } from "../format.ts"
import type { Segment } from "../segment.ts"
import { type Bars, firstAfter } from "./bars.ts"
import { colourOf, type Surface, surfaceOf } from "./canvas.ts"
import { drawLossMark, drawRows, drawTimeAxis, type Rows, rowsIn } from "./rows.ts"

export interface Row {
  readonly name: string
  /** By the time of their start. */
  readonly segments: ReadonlyArray<Segment>
  /** The tasks that have run for long, and have no segment yet. */
  readonly running: Segment | undefined
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

const isRunning = ({ to }: Segment): boolean => to === Infinity

/** All segments of a row that are in sight. */
export const visible = ({ from, to }: StreamView, { running, segments }: Row): ReadonlyArray<Segment> => {
  const found: Array<Segment> = []
  for (let i = firstAfter(segments, from); i < segments.length && segments[i].from <= to; i++) found.push(segments[i])
  if (running !== undefined && running.from <= to) found.push(running)
  return found
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

/** Text in the colour of the background, inside a bar. */
const drawInside = ({ colours, g }: Surface, text: string, x: number, y: number): void => {
  g.fillStyle = colours.panel
  g.textAlign = "left"
  g.fillText(text, x, y + 0.5)
}

const drawRunning = (surface: Surface, { from, type }: Segment, now: number, [a, b]: Extent, y: number, h: number) => {
  const { colours, g } = surface
  const w = b - a
  g.fillStyle = colours.types[colourOf(type)]
  g.fillRect(a, y, w, h)
  if (w < 4) return
  g.strokeStyle = colours.panel
  g.globalAlpha = 0.35
  g.lineWidth = 2
  hatch(g, a, w, y, h, 8)
  g.globalAlpha = 1
  if (h < 12) return
  const label = `running ${span(now - from)}`
  g.font = `600 11.5px ${colours.font}`
  if (w > g.measureText(label).width + 12) drawInside(surface, label, a + 7, y + h / 2)
  g.font = `12px ${colours.font}`
}

const drawLoss = (surface: Surface, cause: string, [a, b]: Extent, right: number, y: number, h: number): void => {
  const { colours, g, isSmall } = surface
  g.strokeStyle = colours.bad
  g.lineWidth = 1.5
  hatch(g, a, b - a, y, h, 5)
  drawLossMark(surface, a, y, h)
  if (isSmall || h < 12) return
  const label = `lost: ${cause}`
  g.font = `600 11px ${colours.font}`
  const w = g.measureText(label).width + 10
  const start = Math.min(b + 2, right - w)
  g.fillRect(start, y + h / 2 - 8, w, 16)
  drawInside(surface, label, start + 5, y + h / 2)
  g.font = `12px ${colours.font}`
}

type Extent = readonly [left: number, right: number]

/** The visible part of the extent between two times, in pixels; `undefined` if no part of it is visible. */
const extentIn = ({ left, right }: Rows, view: StreamView) => {
  const x = (t: number): number =>
    Math.max(left, Math.min(right, left + (t - view.from) / (view.to - view.from) * (right - left)))
  return (from: number, to: number): Extent | undefined =>
    from > view.to || to < view.from ? undefined : [x(from), x(Math.min(to, view.now))]
}

export const drawTaskStream = (canvas: HTMLCanvasElement, bars: Bars, view: StreamView): void => {
  const surface = surfaceOf(canvas)
  const { colours, g } = surface
  const { from, isLive, now, to } = view
  const rows = rowsIn(surface, view.rows.length)
  const isBack = isLive && to >= now - 1
  drawTimeAxis(surface, rows, {
    from,
    to,
    origin: isBack ? to : 0,
    label: (t) => !isBack ? (view.epoch > 0 ? time(view.epoch + t) : span(t)) : to - t < 1 ? "now" : `-${span(to - t)}`
  })
  drawRows(surface, rows, view.rows.map(({ losses, name }) => ({ name, isLost: losses.length > 0 })))
  bars.draw(surface, rows, { from, to, segments: view.rows.map(({ segments }) => segments) })
  const extent = extentIn(rows, view)
  const { h } = rows
  view.rows.forEach(({ losses, running, segments }, i) => {
    const y = rows.y(i)
    const ofRunning = running && extent(running.from, now)
    if (ofRunning !== undefined) drawRunning(surface, running!, now, ofRunning, y, h)
    for (const { cause, from, to } of losses) {
      const ofLoss = extent(from, to)
      if (ofLoss !== undefined) drawLoss(surface, cause, ofLoss, rows.right, y, h)
    }
    const { selected } = view
    if (selected === undefined || (selected !== running && !segments.includes(selected))) return
    const ofSelected = extent(selected.from, selected.to)
    if (ofSelected === undefined) return
    const [a, b] = ofSelected
    g.strokeStyle = colours.text
    g.lineWidth = 2
    g.strokeRect(a - 1, y - 1, Math.max(3, b - a + 2), h + 2)
  })
}

/** The bar at a place of the canvas, in its own pixels. */
export const hitOf = (canvas: HTMLCanvasElement, view: StreamView, px: number, py: number): Hit | undefined => {
  const { height, width } = canvas.getBoundingClientRect()
  const { left, right, rowHeight, top } = rowsIn({ width, height, isSmall: innerWidth <= 720 }, view.rows.length)
  const row = Math.floor((py - top) / rowHeight)
  if (view.rows[row] === undefined || px < left || px > right) return undefined
  const perPixel = (view.to - view.from) / (right - left)
  const t = view.from + (px - left) * perPixel
  const [segment] = visible({ ...view, from: t - perPixel, to: t + perPixel }, view.rows[row])
  return segment && { row, segment }
}

/** A bar in words. */
export const describeSegment = (segment: Segment, view: StreamView): ReadonlyArray<string> => {
  const { busy, failed, from, tasks, to, type } = segment
  const ms = Math.min(to, view.now) - from
  const name = view.typeNames[type] ?? "other tasks"
  const parts = [tasks > 1 ? `${name} × ${count(tasks)}` : name]
  if (isRunning(segment)) parts.push(`running for ${span(ms)}`)
  else if (tasks > 1) parts.push(`${span(ms)}, ${span(ms * busy / tasks)} each, busy ${percent(busy)}`)
  else parts.push(span(ms))
  if (failed > 0) parts.push(`${count(failed)} failed`)
  return parts
}
