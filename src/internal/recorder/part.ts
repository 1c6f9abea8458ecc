/**
 * The recording of one worker process in the merged recording of several.
 *
 * Must stay true: its ids are those of the worker process; `types`, `workers` and `groups` map them to those of the whole.
 */
import type * as Model from "./model.ts"
import type { Segment } from "./segmentRows.ts"
import { budgetOf } from "./timeBudget.ts"

export const NO_TOTALS: Model.Totals = {
  started: 0,
  succeeded: 0,
  failed: 0,
  retried: 0,
  restarted: 0,
  cancelled: 0,
  waiting: 0,
  running: 0,
  retrying: 0,
  executions: 0,
  slots: 0
}

export const NO_BUDGET = budgetOf(() => 0)

export class Part {
  readonly prefix: string
  readonly startedAt: number
  /** Milliseconds from the start of the whole to that of the part. */
  readonly offset: number
  /** From the ids of the part to the ids of the whole. */
  readonly types: Array<number | undefined> = []
  workers: Array<number | undefined> = []
  readonly groups = new Map<number, number>()
  readonly typeSummaries: Array<Model.TypeSummary> = []
  totals = NO_TOTALS
  budget = NO_BUDGET
  mainThread = 0
  failures = 0
  ungrouped = 0
  advice: ReadonlyArray<Model.Advice> = []
  sequence = 0
  segmentCount = 0
  /** Segments with the ids of the part. The type or the worker of the first one has not been sent yet. */
  waiting: Array<Segment> = []
  lastFailure = 0
  lastEvent = 0

  constructor(prefix: string, startedAt: number, offset: number) {
    this.prefix = prefix
    this.startedAt = startedAt
    this.offset = offset
  }
}
