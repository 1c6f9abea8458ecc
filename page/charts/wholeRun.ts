/** The whole run: a row for each worker, in columns of time, with the share of each type as the height of its colour. */
import { span, time } from "../format.ts"
import type { History, WorkerHistory } from "../history.ts"
import { colourOf, surfaceOf } from "./canvas.ts"
import { drawFailureMark, drawLossMark, drawRows, drawTimeAxis, rowsIn } from "./rows.ts"

export interface WholeRun {
  readonly history: History
  readonly rows: ReadonlyArray<WorkerHistory & { readonly lostAt: number | undefined }>
  /** Milliseconds of the run. */
  readonly length: number
  /** The time of day at 0; `undefined`: times are shown since the start. */
  readonly epoch: number | undefined
}

export const drawWholeRun = (canvas: HTMLCanvasElement, { epoch, history, length, rows }: WholeRun): void => {
  const surface = surfaceOf(canvas)
  const { colours, g } = surface
  const places = rowsIn(surface, rows.length)
  const { h, left, right } = places
  const x = (ms: number): number => left + Math.min(1, ms / length) * (right - left)
  drawTimeAxis(surface, places, {
    from: 0,
    to: length,
    origin: 0,
    label: (ms) => epoch === undefined ? ms === 0 ? "0" : span(ms) : time(epoch + ms)
  })
  drawRows(surface, places, rows.map(({ lostAt, name }) => ({ name, isLost: lostAt !== undefined })))
  rows.forEach((row, i) => {
    const y = places.y(i)
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
    let last = -Infinity
    for (let column = 0; column < history.columns; column++) {
      const at = x((column + 0.5) * history.width)
      if (row.failures[column] === 0 || at - last < 6) continue
      drawFailureMark(surface, at, y, 2.5)
      last = at
    }
    if (row.lostAt !== undefined) drawLossMark(surface, x(row.lostAt), y, h)
  })
}
