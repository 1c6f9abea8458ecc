/**
 * Makes the pictures of terminals in docs/guides, progress.svg and run.svg: runs a program and a command in
 * pseudo-terminals, and draws the screens of a terminal emulator.
 *
 *     node --conditions=papyros-source scripts/terminalPictures.ts
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Progress from "papyros/Progress"
import { open } from "../test/support/terminal/pty.ts"
import type { Screen } from "../test/support/terminal/screen.ts"

const COLUMNS = 100
const ROWS = 6
const CELL = { width: 8.4, height: 20 }
const MARGIN = 12

/** The program of the picture. Every 300th image cannot be read. */
const program = Effect.gen(function*() {
  const images = Stream.range(1, 2400).pipe(
    Stream.rechunk(4),
    Stream.tap((n) => n % 4 === 0 ? Effect.sleep("10 millis") : Effect.void),
    Progress.track({ label: "Resize", total: 2400, failed: (n: number) => n % 300 === 0 }),
    Stream.runForEach((n) =>
      Effect.sync(() => {
        if (n % 300 === 0) console.log(`image-${n}.png: unexpected end of file`)
      })
    )
  )
  const uploads = Stream.range(1, 1200).pipe(
    Stream.rechunk(1),
    Stream.tap(() => Effect.sleep("9 millis")),
    Progress.track({ label: "Upload" }),
    Stream.runDrain
  )
  yield* Effect.all([images, uploads], { concurrency: 2 })
})

interface Run {
  readonly from: number
  readonly text: string
  readonly columns: number
  readonly style: string
}

const styles: Readonly<Record<number, string>> = { 1: "red", 2: "green" }

/** Neighbouring cells of the same style. */
const runsOf = (screen: Screen, y: number): Array<Run> => {
  const runs: Array<Run> = []
  screen.cells(y).forEach(({ color, dim, text }, x) => {
    const style = dim ? "dim" : styles[color ?? -1] ?? "text"
    const last = runs.at(-1)
    // A wide letter has two cells, the second of which is empty.
    if (last !== undefined && last.style === style && (text === "" || (text !== " ") === (last.text.trim() !== ""))) {
      runs[runs.length - 1] = { ...last, text: last.text + text, columns: last.columns + 1 }
    } else runs.push({ from: x, text, columns: 1, style })
  })
  return runs.filter(({ text }) => text.trim() !== "")
}

const escape = (text: string): string => text.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`)

const svg = (screen: Screen, title: string): string => {
  const lines = screen.lines.length
  const [width, height] = [COLUMNS * CELL.width + 2 * MARGIN, lines * CELL.height + 2 * MARGIN]
  const texts = Array.from(
    { length: lines },
    (_, y) =>
      runsOf(screen, y).map(({ columns, from, style, text }) =>
        `<text class="${style}" x="${(MARGIN + from * CELL.width).toFixed(1)}" y="${MARGIN + y * CELL.height + 15}" ` +
        `textLength="${(columns * CELL.width).toFixed(1)}" lengthAdjust="spacingAndGlyphs">${escape(text)}</text>`
      ).join("\n")
  ).join("\n")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>${title}</title>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre }
.back { fill: #f6f8fa }
.text { fill: #1f2328 }
.dim { fill: #8c959f }
.green { fill: #1a7f37 }
.red { fill: #cf222e }
@media (prefers-color-scheme: dark) {
  .back { fill: #151b23 }
  .text { fill: #f0f6fc }
  .dim { fill: #656c76 }
  .green { fill: #3fb950 }
  .red { fill: #f85149 }
}
</style>
<rect class="back" width="${width}" height="${height}" rx="6"/>
${texts}
</svg>
`
}

const file = fileURLToPath(import.meta.url)

const progress = Effect.gen(function*() {
  const terminal = yield* open(`${process.execPath} --conditions=papyros-source ${file} program`, COLUMNS, ROWS)
  yield* terminal.until(({ lines }) => lines.some((line) => /Resize .* 6\d %/.test(line)) && lines.length > 4)
  writeFileSync("docs/guides/progress.svg", svg(terminal.screen, "A terminal with two progress bars below a log"))
})

/** The end of a run: images on two threads, some of them corrupt, and a long one at the end. */
const run = Effect.gen(function*() {
  const folder = mkdtempSync(join(tmpdir(), "papyros-picture-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  const input = join(folder, "images.ndjson")
  const images = Array.from({ length: 120 }, (_, n) => ({
    file: `IMG_${1000 + n}.CR2`,
    millis: n === 119 ? 4000 : 60,
    corrupt: n % 40 === 7
  }))
  writeFileSync(input, images.map((image) => `${JSON.stringify(image)}\n`).join(""))
  const command = `run examples/dashboard/handlers.ts Resize --dispatcher pool --concurrency 2 --input ${input}`
  const terminal = yield* open(
    `${process.execPath} --conditions=papyros-source src/bin.ts ${command} > ${join(folder, "results.ndjson")}`,
    COLUMNS,
    ROWS
  )
  yield* terminal.ended
  writeFileSync(
    "docs/guides/run.svg",
    svg(terminal.screen, "The end of a run: a summary, where the time went, and advice")
  )
})

await Effect.runPromise(
  process.argv[2] === "program" ? program : Effect.andThen(Effect.scoped(progress), Effect.scoped(run))
)
