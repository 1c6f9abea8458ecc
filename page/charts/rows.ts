/** The rows of workers over time, which the task stream and the whole run share: their places, names and axis. */
import type { Surface } from "./canvas.ts"
import { timeStepOf } from "./canvas.ts"

export interface Rows {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly rowHeight: number
  readonly gap: number
  /** The upper end of the bars of a row, and their height. */
  readonly y: (row: number) => number
  readonly h: number
}

export const rowsIn = (
  { height, isSmall, width }: Pick<Surface, "width" | "height" | "isSmall">,
  count: number
): Rows => {
  const [left, right, top, bottom] = [isSmall ? 40 : 116, isSmall ? 8 : 14, 10, 24]
  const rowHeight = (height - top - bottom) / Math.max(1, count)
  const gap = rowHeight < 4 ? 0 : Math.min(6, Math.max(1.5, rowHeight * 0.2))
  return {
    left,
    right: width - right,
    top,
    bottom: height - bottom,
    rowHeight,
    gap,
    y: (row) => top + row * rowHeight + gap / 2,
    h: Math.max(1, rowHeight - gap)
  }
}

/** Draws lines and labels between two times, at multiples of a round step from `origin`. */
export const drawTimeAxis = (
  { colours, g, isSmall }: Surface,
  { bottom, left, right, top }: Rows,
  axis: {
    readonly from: number
    readonly to: number
    /** The time that has a line at any scale. */
    readonly origin: number
    readonly label: (t: number) => string
  }
): void => {
  const { from, label, origin, to } = axis
  g.strokeStyle = colours.line
  g.fillStyle = colours.muted
  g.lineWidth = 1
  const step = timeStepOf(to - from, isSmall ? 3 : 7)
  for (let t = origin + Math.ceil((from - origin) / step - 1e-9) * step; t <= to + 1e-6; t += step) {
    const x = Math.round(left + (t - from) / (to - from) * (right - left)) + 0.5
    g.beginPath()
    g.moveTo(x, top)
    g.lineTo(x, bottom + 4)
    g.stroke()
    const isLast = x > right - 24
    g.textAlign = isLast ? "right" : x < left + 24 ? "left" : "center"
    g.fillText(label(t), isLast ? right : x, bottom + 13)
  }
}

const shorten = (name: string, isSmall: boolean): string => {
  const short = isSmall ? name.replace(/^(?:thread|worker|pool)[- ]?/, "") : name
  const most = isSmall ? 5 : 16
  return short.length > most ? `…${short.slice(1 - most)}` : short
}

/** Draws the background of each row, and as many names as there is room for. */
export const drawRows = (
  { colours, g, isSmall }: Surface,
  { h, left, right, rowHeight, y }: Rows,
  rows: ReadonlyArray<{ readonly name: string; readonly isLost: boolean }>
): void => {
  g.fillStyle = colours.row
  for (let i = 0; i < rows.length; i++) g.fillRect(left, y(i), right - left, h)
  g.textAlign = "right"
  const every = Math.ceil(13 / rowHeight)
  for (let i = 0; i < rows.length; i += every) {
    g.fillStyle = rows[i].isLost ? colours.text : colours.muted
    g.fillText(shorten(rows[i].name, isSmall), left - 10, y(i) + h / 2)
  }
}

/** The mark of a failure: a triangle that points down at the upper end of a bar. */
export const drawFailureMark = (
  { colours, g }: Pick<Surface, "g" | "colours">,
  x: number,
  y: number,
  overhang: number
): void => {
  g.fillStyle = colours.bad
  g.strokeStyle = colours.panel
  g.lineWidth = 1
  g.beginPath()
  g.moveTo(x - 5, y - overhang)
  g.lineTo(x + 5, y - overhang)
  g.lineTo(x, y + 5.5)
  g.closePath()
  g.fill()
  g.stroke()
}

/** The mark of a lost worker. */
export const drawLossMark = ({ colours, g }: Surface, x: number, y: number, h: number): void => {
  g.fillStyle = colours.bad
  g.fillRect(x - 1, y - 2, 2.5, h + 4)
}
