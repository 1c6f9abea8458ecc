/** The whole run: a row for each worker, in columns of time, with the share of each type as the height of its colour. */
import { span, time } from "../format.ts"
import type { History, WorkerHistory } from "../history.ts"
import { colourOf, surfaceOf, timeStepOf } from "./canvas.ts"

export interface WholeRun {
  readonly history: History
  readonly rows: ReadonlyArray<WorkerHistory & { readonly lostAt: number | undefined }>
  /** Milliseconds of the run. */
  readonly length: number
  /** The time of day at 0; `undefined`: times are shown since the start. */
  readonly epoch: number | undefined
}

export const drawWholeRun = (canvas: HTMLCanvasElement, { epoch, history, length, rows }: WholeRun): void => {
  const { colours, g, height, isSmall, width } = surfaceOf(canvas)
  const [left, right, top, bottom] = [isSmall ? 40 : 116, isSmall ? 8 : 14, 10, 24]
  const rowHeight = (height - top - bottom) / Math.max(1, rows.length)
  const gap = rowHeight < 4 ? 0 : Math.min(6, Math.max(1.5, rowHeight * 0.2))
  const x = (ms: number): number => left + Math.min(1, ms / length) * (width - left - right)
  g.strokeStyle = colours.line
  g.fillStyle = colours.muted
  g.lineWidth = 1
  const step = timeStepOf(length, isSmall ? 3 : 7)
  for (let ms = 0; ms <= length; ms += step) {
    const X = Math.round(x(ms)) + 0.5
    g.beginPath()
    g.moveTo(X, top)
    g.lineTo(X, height - bottom + 4)
    g.stroke()
    const isLast = X > width - right - 24
    g.textAlign = isLast ? "right" : ms === 0 ? "left" : "center"
    g.fillText(epoch === undefined ? ms === 0 ? "0" : span(ms) : time(epoch + ms), X, height - 11)
  }
  const every = Math.ceil(13 / rowHeight)
  rows.forEach((row, i) => {
    const y = top + i * rowHeight + gap / 2
    const h = Math.max(1, rowHeight - gap)
    g.fillStyle = colours.row
    g.fillRect(left, y, width - left - right, h)
    if (i % every === 0) {
      g.fillStyle = row.lostAt === undefined ? colours.muted : colours.text
      g.textAlign = "right"
      const most = isSmall ? 5 : 16
      const name = isSmall ? row.name.replace(/^(?:thread|worker|pool)[- ]?/, "") : row.name
      g.fillText(name.length > most ? `…${name.slice(1 - most)}` : name, left - 10, y + h / 2)
    }
    const base = new Float32Array(history.columns).fill(y + h)
    for (const { shares, type } of row.types) {
      g.fillStyle = colours.types[colourOf(type)]
      for (let column = 0; column < history.columns; column++) {
        if (shares[column] === 0) continue
        // The latest column is not over.
        const part = Math.max(1e-9, Math.min(1, (length - column * history.width) / history.width))
        const d = Math.min(h * shares[column] / part, base[column] - y)
        const from = x(column * history.width)
        base[column] -= d
        g.fillRect(from, base[column], x((column + 1) * history.width) - from + 0.4, d)
      }
    }
    const mark = (X: number): void => {
      g.fillStyle = colours.bad
      g.strokeStyle = colours.panel
      g.beginPath()
      g.moveTo(X - 5, y - 2.5)
      g.lineTo(X + 5, y - 2.5)
      g.lineTo(X, y + 5.5)
      g.closePath()
      g.fill()
      g.stroke()
    }
    let last = -Infinity
    for (let column = 0; column < history.columns; column++) {
      if (row.failures[column] === 0) continue
      const X = x((column + 0.5) * history.width)
      if (X - last < 6) continue
      mark(X)
      last = X
    }
    if (row.lostAt !== undefined) {
      const X = x(row.lostAt)
      g.fillStyle = colours.bad
      g.fillRect(X - 1, y - 2, 2.5, h + 4)
    }
  })
}
