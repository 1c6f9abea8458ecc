/**
 * The members of the time budget, by their names for people, in the order in which they are shown.
 *
 * Must stay true: it is the only list of them, for the recorder, the page, the name server and the command.
 */
import type { TimeBudget } from "./model.ts"

export type BudgetPart = keyof TimeBudget

export const BUDGET_NAMES: Readonly<Record<BudgetPart, string>> = {
  running: "running tasks",
  sending: "sending and encoding",
  input: "waiting for input",
  consumer: "waiting for the consumer",
  order: "waiting for an earlier result",
  retry: "waiting for a retry",
  starting: "workers starting",
  noTasks: "no tasks left"
}

export const BUDGET_PARTS = Object.keys(BUDGET_NAMES) as ReadonlyArray<BudgetPart>

export const budgetOf = (millis: (part: BudgetPart) => number): TimeBudget =>
  Object.fromEntries(BUDGET_PARTS.map((part) => [part, millis(part)])) as Record<BudgetPart, number>

export const totalOf = (budget: TimeBudget): number => BUDGET_PARTS.reduce((sum, part) => sum + budget[part], 0)
