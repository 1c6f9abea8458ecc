/** Numbers and labels, as tables, pages and charts print them. */
import type { ReportCase } from "./report.ts"

export const whole = (n: number): string => Math.round(n).toLocaleString("en-US")

/** Three significant digits, and at most the three decimals that a report keeps. */
export const digits = (n: number): string => n >= 100 ? whole(n) : n.toFixed(n >= 10 ? 1 : n >= 1 ? 2 : 3)

/** The name of a baseline and, where it is the best of several competitors, which one that was. */
export const baselineLabel = ({ baseline, best }: ReportCase): string =>
  best === undefined || best === baseline ? baseline : `${baseline} (${best})`
