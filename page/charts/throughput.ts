/** Tasks per second over time, failed ones on top. */
import { short, span } from "../format.ts"
import { stepOf, surfaceOf, timeStepOf } from "./canvas.ts"

export interface Throughput {
  /** Milliseconds of a column. */
  readonly width: number
  /** Tasks in each column, oldest first. */
  readonly succeeded: ArrayLike<number>
  readonly failed: ArrayLike<number>
  /** The last column is not over. */
  readonly isPartial: boolean
  /** The times at the edges: back from now, or on from the start. */
  readonly direction: "back" | "on"
}

export const drawThroughput = (canvas: HTMLCanvasElement, data: Throughput): void => {
  const { colours, g, height, isSmall, width } = surfaceOf(canvas)
  const [left, right, top, bottom] = [44, 12, 10, 24]
  const n = data.succeeded.length
  const seconds = data.width / 1000
  let most = 0
  for (let i = 0; i < n; i++) most = Math.max(most, (data.succeeded[i] + data.failed[i]) / seconds)
  const step = stepOf(Math.max(most, 1), 3)
  const max = step * Math.ceil(Math.max(most, 1) / step * 1.0001)
  const column = (width - left - right) / Math.max(1, n)
  const x = (i: number): number => left + i * column
  const y = (rate: number): number => height - bottom - rate / max * (height - top - bottom)

  g.fillStyle = colours.muted
  g.strokeStyle = colours.line
  g.lineWidth = 1
  g.textAlign = "right"
  for (let rate = 0; rate <= max * 1.001; rate += step) {
    const at = Math.round(y(rate)) + 0.5
    g.beginPath()
    g.moveTo(left, at)
    g.lineTo(width - right, at)
    g.stroke()
    g.fillText(short(rate), left - 7, y(rate))
  }
  const whole = n * data.width
  const tick = timeStepOf(whole, isSmall ? 2 : 4)
  for (let ms = 0; ms <= whole * 1.001; ms += tick) {
    const at = data.direction === "back" ? width - right - ms / data.width * column : left + ms / data.width * column
    const isFirst = at < left + 20
    g.textAlign = isFirst ? "left" : at > width - right - 20 ? "right" : "center"
    const label = data.direction === "on" ? span(ms) : ms === 0 ? "now" : `-${span(ms)}`
    g.fillText(ms === 0 && data.direction === "on" ? "0" : label, Math.max(left, at), height - 10)
  }

  const gap = column > 3 ? 1 : 0
  for (let i = 0; i < n; i++) {
    const ok = data.succeeded[i] / seconds
    const bad = data.failed[i] / seconds
    g.globalAlpha = data.isPartial && i === n - 1 ? 0.45 : 1
    g.fillStyle = colours.types[0]
    g.fillRect(x(i), y(ok), column - gap, y(0) - y(ok))
    if (bad > 0) {
      const h = Math.max(2.5, y(0) - y(bad))
      g.fillStyle = colours.bad
      g.fillRect(x(i), Math.max(top - 4, y(ok) - h - 1), column - gap, h)
    }
  }
  g.globalAlpha = 1
}
