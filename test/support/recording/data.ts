/** Snapshots and frames with only the members that a test is about. */
import type * as Model from "../../../src/internal/recorder/model.ts"
import { NO_BUDGET, NO_TOTALS } from "../../../src/internal/recorder/part.ts"

export const TOTALS: Model.Totals = { ...NO_TOTALS, slots: 1 }

export const BUDGET: Model.TimeBudget = NO_BUDGET

export const segments = (...from: ReadonlyArray<number>): Model.Segments => ({
  worker: from.map(() => 0),
  row: from.map(() => 0),
  type: from.map(() => 0),
  from,
  to: from.map((at) => at + 10),
  tasks: from.map(() => 1),
  failed: from.map(() => 0),
  busy: from.map(() => 5)
})

export const snapshot = (part: Partial<Model.Snapshot> = {}): Model.Snapshot => ({
  name: "run",
  startedAt: 0,
  duration: 0,
  totals: TOTALS,
  types: [],
  workers: [],
  budget: BUDGET,
  mainThread: 0,
  failures: 0,
  groups: [],
  ungrouped: 0,
  advice: [],
  sequence: 0,
  series: { width: 100, succeeded: [], failed: [], waiting: [], running: [], slots: [], occupied: [] },
  segments: segments(),
  segmentCount: 0,
  latestFailures: [],
  events: [],
  ...part
})

export const frame = (sequence: number, part: Partial<Model.Frame> = {}): Model.Frame => ({
  sequence,
  at: sequence * 500,
  ended: false,
  totals: TOTALS,
  types: [],
  workers: [],
  budget: BUDGET,
  mainThread: 0,
  failures: 0,
  groups: [],
  ungrouped: 0,
  latestFailures: [],
  events: [],
  segments: segments(),
  segmentCount: 0,
  advice: [],
  ...part
})
