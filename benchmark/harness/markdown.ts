/**
 * The report of a suite as a page of Markdown: targets first, then every case, with a
 * column for each baseline. Cells are padded as dprint does it.
 */
import { ROUNDS } from "./model.ts"
import { digits, type Report, type ReportCase, type ReportRow, type Spread } from "./report.ts"

const whole = (n: number): string => n.toLocaleString("en-US")

const times = (row: ReportRow): string =>
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
    : row.broken ?? ""

const named = ({ baseline, best }: ReportCase): string =>
  best === undefined || best === baseline ? baseline : `${baseline} (${best})`

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)))
  const line = (row: ReadonlyArray<string>) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`
  return [line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)]
}

const title = (it: ReportCase): string =>
  it.figure === undefined ? `${it.case}, tasks per second` : `${it.case}: ${it.figure}, less is better`

const targets = (cases: ReadonlyArray<ReportCase>): ReadonlyArray<string> => {
  const rows = cases.flatMap((it) =>
    it.competitors.flatMap((row) =>
      row.target === undefined
        ? []
        : [[title(it), row.name, named(it), row.target, times(row), measured(row)]]
    )
  )
  return rows.length === 0
    ? []
    : [
      "## Targets",
      "",
      ...table([["case", "who", "against", "target", "ratio (95 %)", "median (range)"], ...rows]),
      ""
    ]
}

/** One figure of one case. What is compared with only because of a target is among the targets. */
const section = (all: ReadonlyArray<ReportCase>): ReadonlyArray<string> => {
  const cases = all.filter(({ best }) => best === undefined)
  const [first] = all
  const rows = first.competitors.map((row, at) => [
    row.name,
    whole(row.tasks ?? first.tasks),
    measured(row),
    ...cases.map((it) => times(it.competitors[at]))
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

export const markdown = (report: Report): string => {
  const sections = Map.groupBy(report.cases, title)
  const rounds = Number(report.settings["rounds"])
  return [
    `# Benchmark: ${report.suite}`,
    "",
    "Written by",
    "",
    "```sh",
    `npm run bench -- ${report.suite} --report docs/benchmarks`,
    "```",
    "",
    ...(rounds < ROUNDS
      ? [`**Rounds: ${rounds}. With fewer than ${ROUNDS}, no figure of this page may be quoted.**`, ""]
      : []),
    "Ratios are made within a round, in which every competitor runs once, in another order each time. What is given is",
    "their median over all rounds, and the 95 % interval of that median. A run counts only if all its results arrived.",
    "",
    `![Bars of the ratios below](${report.suite}.svg)`,
    "",
    ...targets(report.cases),
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
