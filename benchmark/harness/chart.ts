/**
 * The report of a suite as a bar chart in SVG, readable on light and on dark pages.
 *
 * A bar is the ratio of a competitor to the first baseline of the case, inverted where lower is better, on a
 * logarithmic scale: a longer bar is always better. The first case shows all competitors, every other case papyros
 * and the two best others.
 */
import { digits } from "./format.ts"
import { ROUNDS } from "./model.ts"
import type { Report, ReportCase, ReportRow } from "./report.ts"

interface Bar {
  readonly label: string
  /** Ratio to the baseline; higher is better. */
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly own: boolean
}

interface Group {
  readonly title: string
  readonly bars: ReadonlyArray<Bar>
}

/** Competitors beside papyros, in all cases but the first. */
const BEST = 2

const WIDTH = 860
const LABELS = 250
const PLOT = { from: LABELS + 10, to: WIDTH - 90 }
const BAR = 14
const STEP = 20
const HEAD = 30
const TOP = 60

const isOwn = (name: string): boolean => name.startsWith("papyros")

/** The bar of a row that has a ratio. */
const bar = (row: ReportRow): ReadonlyArray<Bar> => {
  if (row.ratio === undefined) return []
  const { high, low, median } = row.ratio
  const [ratio, least, most] = row.value === undefined ? [median, low, high] : [1 / median, 1 / high, 1 / low]
  return [{ label: row.name, ratio, low: least, high: most, own: isOwn(row.name) }]
}

const group = (it: ReportCase, at: number): Group => {
  const bars = it.competitors.flatMap(bar)
  const others = bars.filter(({ own }) => !own).toSorted((a, b) => b.ratio - a.ratio)
  return {
    title: `${it.case}${it.metric === undefined ? "" : `: ${it.metric.split(",", 1)[0]}`} (${it.baseline} = 1)`,
    bars: at === 0 ? bars : [...others.slice(0, BEST), ...bars.filter(({ own }) => own)]
  }
}

/** Of every charted metric of every case, the comparison with its first baseline. */
const groups = (report: Report): ReadonlyArray<Group> =>
  Array.from(Map.groupBy(report.cases, (it) => `${it.case} ${it.metric}`).values(), ([first]) => first)
    .filter(({ uncharted }) => uncharted === undefined)
    .map(group)
    .filter(({ bars }) => bars.length > 0)

const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.group { font-weight: 600 }
.quiet { fill: #59636e }
.grid { stroke: #d1d9e0 }
.one { stroke: #59636e }
.other { fill: #afb8c1 }
.own { fill: #0969da }
.whisker { stroke: #1f2328 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .one { stroke: #9198a1 }
  .other { fill: #656c76 }
  .own { fill: #4493f8 }
  .whisker { stroke: #f0f6fc }
}`

export const chart = (report: Report): string => {
  const all = groups(report)
  const bars = all.flatMap((group) => group.bars)
  const least = Math.min(1, ...bars.map(({ low }) => low))
  const most = Math.max(1, ...bars.map(({ high }) => high))
  const from = TICKS.findLast((tick) => tick <= least) ?? TICKS[0]
  const to = TICKS.find((tick) => tick >= most) ?? TICKS.at(-1)!
  const x = (ratio: number): number => {
    const share = Math.log(Math.min(Math.max(ratio, from), to) / from) / Math.log(to / from)
    return Math.round(10 * (PLOT.from + share * (PLOT.to - PLOT.from))) / 10
  }
  const rounds = Number(report.settings["rounds"])
  const note = `${rounds} rounds${rounds < ROUNDS ? ", too few to be quoted" : ""}`
  const body: Array<string> = []
  let y = TOP
  for (const { bars, title } of all) {
    body.push(`<text class="group" x="8" y="${y + 18}">${escape(title)}</text>`)
    y += HEAD
    for (const one of bars) {
      body.push(drawn(one, x, y))
      y += STEP
    }
    y += 6
  }
  const ticks = TICKS.filter((tick) => tick >= from && tick <= to).map((tick) =>
    `<line class="${tick === 1 ? "one" : "grid"}" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${y}"/>` +
    `<text class="quiet" x="${x(tick)}" y="${y + 16}" text-anchor="middle">${tick}</text>`
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 30}" width="${WIDTH}" height="${y + 30}">`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="8" y="24">Benchmark: ${escape(report.suite)}</text>`,
    `<text class="quiet" x="8" y="44">Ratio to the baseline, longer is better, logarithmic scale: median and 95 % interval of ${note}</text>`,
    ...ticks,
    ...body,
    "</svg>",
    ""
  ].join("\n")
}

/** A bar from the line of the baseline to the ratio, with its interval. */
const drawn = ({ high, label, low, own, ratio }: Bar, x: (ratio: number) => number, y: number): string => {
  const [left, right] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))]
  const middle = y + BAR / 2
  return [
    `<text x="${LABELS}" y="${y + 11}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="${own ? "own" : "other"}" x="${left}" y="${y}" width="${
      Math.max(1, Math.round(10 * (right - left)) / 10)
    }" height="${BAR}"/>`,
    `<line class="whisker" x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${Math.max(right, x(high)) + 6}" y="${y + 11}">${digits(ratio)}</text>`
  ].join("")
}
