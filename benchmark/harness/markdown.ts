/**
 * The report of a suite as a page of Markdown: the targets first, then every case with one column per baseline.
 *
 * Table cells are padded as dprint pads them, so that the format check accepts the page.
 */
import { baselineLabel, digits, whole } from "./format.ts"
import { ROUNDS } from "./model.ts"
import type { Report, ReportCase, ReportRow, Spread } from "./report.ts"

const ratio = (row: ReportRow): string =>
  row.ratio === undefined
    ? ""
    : `${digits(row.ratio.median)} (${digits(row.ratio.low)} to ${digits(row.ratio.high)})`

const spread = ({ max, median, min }: Spread, show: (n: number) => string): string =>
  `${show(median)} (${show(min)} to ${show(max)})`

const measured = (row: ReportRow): string =>
  row.rate !== undefined
    ? spread(row.rate, whole)
    : row.value !== undefined
    ? spread(row.value, digits)
    : row.error ?? ""

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)))
  const line = (row: ReadonlyArray<string>) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`
  return [line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)]
}

const title = (it: ReportCase): string =>
  it.metric === undefined ? `${it.case}, tasks per second` : `${it.case}: ${it.metric}, lower is better`

const targets = (cases: ReadonlyArray<ReportCase>): ReadonlyArray<string> => {
  const rows = cases.flatMap((it) =>
    it.competitors.flatMap((row) =>
      row.target === undefined
        ? []
        : [[title(it), row.name, baselineLabel(it), row.target, ratio(row), measured(row)]]
    )
  )
  return rows.length === 0
    ? []
    : [
      "## Targets",
      "",
      "A target is a lower or an upper bound: of the ratio where it has no unit, of the value where it has one.",
      "",
      ...table([["case", "competitor", "baseline", "target", "ratio (95 %)", "median (range)"], ...rows]),
      ""
    ]
}

/** One metric of one case. Comparisons with the best of several competitors appear only among the targets. */
const section = (all: ReadonlyArray<ReportCase>): ReadonlyArray<string> => {
  const cases = all.filter(({ best }) => best === undefined)
  const [first] = all
  const rows = first.competitors.map((row, at) => [
    row.name,
    whole(row.tasks ?? first.tasks),
    measured(row),
    ...cases.map((it) => ratio(it.competitors[at]))
  ])
  return [
    `### ${title(first)}`,
    "",
    ...(first.rounds === undefined ? [] : [`Rounds: ${first.rounds}.`, ""]),
    ...table([["", "tasks", "median (range)", ...cases.map((it) => `ratio to ${it.baseline} (95 %)`)], ...rows]),
    ""
  ]
}

const list = (record: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  Object.entries(record).map(([name, value]) => `- ${name}: ${Array.isArray(value) ? value.join(", ") : String(value)}`)

const causes = ({ causes = [] }: Report): ReadonlyArray<string> =>
  causes.length === 0
    ? []
    : ["## Where another library is ahead", "", ...causes.flatMap((cause) => wrap(`- ${cause}`)), ""]

/** Lines of at most 120 columns; those after the first are indented. */
const wrap = (text: string): ReadonlyArray<string> =>
  text.split(" ").reduce<Array<string>>((lines, word) => {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= 120) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(last === undefined ? word : `  ${word}`)
    return lines
  }, [])

export const markdown = (report: Report): string => {
  const sections = Map.groupBy(report.cases, title)
  const rounds = Number(report.settings["rounds"])
  const { filter } = report.settings
  return [
    `# Benchmark: ${report.suite}`,
    "",
    "This command writes the page:",
    "",
    "```sh",
    `npm run bench -- ${report.suite}${filter === undefined ? "" : ` --filter "${filter}"`} --report docs/benchmarks`,
    "```",
    "",
    ...(rounds < ROUNDS
      ? [`**The page is made of ${rounds} rounds. Figures of fewer than ${ROUNDS} rounds must not be quoted.**`, ""]
      : []),
    "In every round each competitor runs once, in an order that changes from round to round. A ratio divides two figures",
    "of one round; the page gives the median of the ratios of all rounds, and the 95 % interval of that median. A run",
    "whose results are not complete and correct fails the benchmark.",
    "",
    `![Ratios of the cases below as bars](${report.suite}.svg)`,
    "",
    ...targets(report.cases),
    ...causes(report),
    "## Cases",
    "",
    ...Array.from(sections.values()).flatMap(section),
    "## Settings",
    "",
    ...list(report.settings),
    "",
    "## Machine",
    "",
    ...list(report.machine),
    ""
  ].join("\n")
}
