/** Runs in Chromium: bars that are drawn as they come, against bars that are drawn at once. */
import { Bars } from "../../../page/charts/bars.ts"
import { surfaceOf } from "../../../page/charts/canvas.ts"
import { rowsIn } from "../../../page/charts/rows.ts"
import type { Segment } from "../../../page/segment.ts"

/** Milliseconds of a pixel, and of the whole width. */
const PIXEL = 10
const WIDTH = 600
const ROWS = 6

/** Numbers from 0 to 1, by a seed: mulberry32. */
const randomOf = (seed: number) => (): number => {
  seed = seed + 0x6d2b79f5 | 0
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
  return ((t ^ t >>> 14) >>> 0) / 4_294_967_296
}

/** A row of segments that follow each other: of a pixel and less, or longer ones. */
const segmentsOf = (random: () => number, until: number, isFine: boolean, failures: number): Array<Segment> => {
  const all: Array<Segment> = []
  for (let at = 0; at < until;) {
    const from = at + Math.floor(random() * 40)
    const to = from + 1 + Math.floor(random() * (isFine ? 12 : 900))
    const busy = random() < 0.5 ? 1 : random()
    all.push({ type: Math.floor(random() * 9), from, to, tasks: 1, failed: Number(random() < failures), busy })
    at = to
  }
  return all
}

const style = document.createElement("style")
style.textContent = `:root { --panel: #fff; --bad: #f00; --row: #eee;
  --c0: #111; --c1: #c22; --c2: #2c2; --c3: #22c; --c4: #cc2; --c5: #c2c; --c6: #2cc; --c7: #888 }`

interface Result {
  /** Pixels that differ clearly, of all. */
  readonly different: number
  readonly pixels: number
  /** Rectangles of an update, on average, and of a drawing of all. */
  readonly update: number
  readonly all: number
}

export const compare = (seed: number, failures: number): Result => {
  document.head.append(style)
  const random = randomOf(seed)
  let rectangles = 0
  const { fillRect } = CanvasRenderingContext2D.prototype
  CanvasRenderingContext2D.prototype.fillRect = function(...place) {
    rectangles++
    fillRect.apply(this, place)
  }
  const canvas = () =>
    Object.assign(document.createElement("canvas"), { style: `width: ${WIDTH + 130}px; height: 160px` })
  const [one, other] = [canvas(), canvas()]
  document.body.replaceChildren(one, other)
  const coming = Array.from({ length: ROWS }, (_, i) => segmentsOf(random, 20_000, i % 2 === 0, failures))
  const rows: Array<Array<Segment>> = coming.map(() => [])
  const bars = new Bars()
  const draw = (canvas: HTMLCanvasElement, bars: Bars, from: number, to: number): number => {
    const before = rectangles
    const surface = surfaceOf(canvas)
    bars.draw(surface, rowsIn(surface, ROWS), { from, to, segments: rows })
    return rectangles - before
  }
  let updates = 0
  let drawn = 0
  for (let now = WIDTH * PIXEL; now < 19_000; now += PIXEL * (5 + Math.floor(random() * 90))) {
    coming.forEach((segments, i) => {
      while (segments.length > 0 && segments[0].to <= now) rows[i].push(segments.shift()!)
    })
    // Somebody looks back for once.
    const back = random() < 0.1 ? 1000 : 0
    const count = draw(one, bars, now - WIDTH * PIXEL - back, now - back)
    if (updates++ > 0 && back === 0) drawn += count
  }
  const to = Math.max(...rows.map((row) => row.at(-1)!.to))
  const now = Math.ceil(to / PIXEL) * PIXEL
  draw(one, bars, now - WIDTH * PIXEL, now)
  const all = draw(other, new Bars(), now - WIDTH * PIXEL, now)
  CanvasRenderingContext2D.prototype.fillRect = fillRect
  const [a, b] = [one, other].map((canvas) =>
    canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data
  )
  let different = 0
  for (let i = 0; i < a.length; i += 4) {
    if ([0, 1, 2, 3].some((channel) => Math.abs(a[i + channel] - b[i + channel]) > 64)) different++
  }
  return { different, pixels: a.length / 4, update: drawn / updates, all }
}
