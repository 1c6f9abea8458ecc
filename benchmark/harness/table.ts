/** One comparison of a report as a table on the console. */
import { baselineLabel, digits, whole } from "./format.ts"
import type { ReportCase, ReportRow, Spread } from "./report.ts"

/** Against the best of several, the table shows only competitors that have a target for that baseline. */
const shown = ({ baseline, best, competitors }: ReportCase): ReadonlyArray<ReportRow> =>
  best === undefined && competitors.some(({ name }) => name === baseline)
    ? competitors
    : competitors.filter(({ name, target }) => name === best || name === baseline || target !== undefined)

const cells = (rate: Spread | undefined, value: Spread | undefined): ReadonlyArray<string> =>
  rate !== undefined
    ? [whole(rate.min), whole(rate.median), whole(rate.max)]
    : value !== undefined
    ? [digits(value.min), digits(value.median), digits(value.max)]
    : ["", "", ""]

export const table = (report: ReportCase): string => {
  const rates = report.metric === undefined
  const rows = [
    [
      "",
      rates ? "tasks/s min" : "min",
      "median",
      "max",
      ...(rates ? ["ns/task"] : []),
      `ratio to ${baselineLabel(report)}`,
      "95 %",
      "target"
    ],
    ...shown(report).map(({ error, name, rate, ratio, target, value }) => [
      name,
      ...cells(rate, value),
      ...(rates ? [rate === undefined ? "" : whole(1e9 / rate.median)] : []),
      ratio?.median.toFixed(3) ?? "",
      ratio === undefined ? "" : `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`,
      error ?? target ?? ""
    ])
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
      .trimEnd()
  )
  return [`\n${report.case}: ${rates ? `${whole(report.tasks)} tasks` : `${report.metric}, lower is better`}`, ...lines]
    .join("\n")
}
