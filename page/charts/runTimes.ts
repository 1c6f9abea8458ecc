/** The distribution of run times by type, on a logarithmic scale. */
import { span } from "../format.ts"
import { colourOf, surfaceOf } from "./canvas.ts"

export interface RunTimes {
  /** Milliseconds at the lower end of the first bucket, and the factor from one bucket to the next. */
  readonly first: number
  readonly factor: number
  /** The tasks in each bucket, by type. */
  readonly types: ReadonlyArray<{ readonly type: number; readonly counts: ArrayLike<number> }>
  readonly marks: ReadonlyArray<{ readonly name: string; readonly ms: number }>
}

export const drawRunTimes = (canvas: HTMLCanvasElement, { factor, first, marks, types }: RunTimes): void => {
  const { colours, g, height, isSmall, width } = surfaceOf(canvas)
  const [left, right, top, bottom] = [12, 12, 30, 24]
  const buckets = Math.max(0, ...types.map(({ counts }) => counts.length))
  const totals = new Float64Array(buckets)
  for (const { counts } of types) for (let i = 0; i < counts.length; i++) totals[i] += counts[i]
  const filled = Array.from(totals.keys()).filter((i) => totals[i] > 0)
  g.strokeStyle = colours.line
  g.lineWidth = 1
  g.beginPath()
  g.moveTo(left, height - bottom + 0.5)
  g.lineTo(width - right, height - bottom + 0.5)
  g.stroke()
  if (filled.length === 0) return

  const from = Math.max(0, filled[0] - 2)
  const to = Math.min(buckets, Math.max(filled[filled.length - 1] + 3, from + 16))
  const max = Math.max(...totals) * 1.05
  const column = (width - left - right) / (to - from)
  const y = (n: number): number => height - bottom - n / max * (height - top - bottom)
  /** The place of a time. */
  const at = (ms: number): number => left + (Math.log(ms / first) / Math.log(factor) - from) * column

  const gap = column > 3 ? 1 : 0
  const base = new Float64Array(buckets)
  for (const { counts, type } of types) {
    g.fillStyle = colours.types[colourOf(type)]
    for (let i = from; i < Math.min(to, counts.length); i++) {
      if (counts[i] === 0) continue
      const upper = y(base[i] + counts[i])
      g.fillRect(left + (i - from) * column, upper, column - gap, Math.max(0.5, y(base[i]) - upper))
      base[i] += counts[i]
    }
  }

  g.fillStyle = colours.muted
  const [low, high] = [first * factor ** from, first * factor ** to]
  const decades = Math.ceil(Math.log10(high / low))
  const every = Math.max(1, Math.ceil(decades / (isSmall ? 4 : 6)))
  let last = -Infinity
  for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high; power += every) {
    const X = at(10 ** power)
    const label = span(10 ** power)
    const w = g.measureText(label).width
    const start = Math.min(Math.max(left, X - w / 2), width - right - w)
    if (start < last + 8) continue
    g.textAlign = "left"
    g.fillText(label, start, height - 10)
    last = start + w
  }
  let edge = -Infinity
  for (const { ms, name } of marks) {
    if (!(ms > 0)) continue
    const X = Math.min(width - right, Math.max(left, at(ms)))
    g.strokeStyle = colours.text
    g.globalAlpha = 0.75
    g.setLineDash([3, 3])
    g.beginPath()
    g.moveTo(X, 6)
    g.lineTo(X, height - bottom)
    g.stroke()
    g.setLineDash([])
    g.globalAlpha = 1
    g.fillStyle = colours.text
    const label = `${name} ${span(ms)}`
    const w = g.measureText(label).width
    const isLeft = edge === -Infinity && X - 5 - w >= left
    const start = isLeft ? X - 5 - w : Math.min(X + 5, width - right - w)
    g.textAlign = "left"
    g.fillText(label, start, start < edge ? 24 : 11)
    edge = start + w
  }
}
