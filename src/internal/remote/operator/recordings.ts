/**
 * The recording of a worker process on its way to the name server, as JSON text.
 *
 * Must stay true: the name server believes no worker. Ids are within the bounds of a recording, texts are cut as a recorder
 * cuts them, and numbers are finite, so that a worker can neither fill its memory nor break the page.
 */
import * as Schema from "effect/Schema"
import { ATTEMPTS } from "../../recorder/attempts.ts"
import { BUDGET_PARTS } from "../../recorder/timeBudget.ts"

/** Types and workers of a recording are at most 257. */
const Id = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1023 }))
const Row = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 63 }))
/** Bounded, so that sums over workers, and the numbers that charts keep of them, are finite too. */
const MOST = Number.MAX_SAFE_INTEGER
const Count = Schema.Finite.check(Schema.isBetween({ minimum: -MOST, maximum: MOST }))
const Millis = Count
const text = (most: number) => Schema.String.check(Schema.isMaxLength(most))
const list = <S extends Schema.Top>(item: S, most: number) => Schema.Array(item).check(Schema.isMaxLength(most))

const Name = text(200)
const Message = text(400)

const REASONS = 64
const Reasons = Schema.Record(Schema.String, Count).check(
  Schema.makeFilter((reasons) => {
    const names = Object.keys(reasons)
    return (names.length <= REASONS && names.every(({ length }) => length <= 200)) ||
      "too many reasons, or too long ones"
  })
)

const TypeSummary = Schema.Struct({
  id: Id,
  name: Name,
  succeeded: Count,
  failed: Count,
  retried: Count,
  restarted: Count,
  cancelled: Count,
  reasons: Reasons,
  busy: Millis,
  runs: Schema.Struct({ from: Id, counts: list(Count, 256) }),
  mean: Schema.NullOr(Millis),
  p50: Schema.NullOr(Millis),
  p95: Schema.NullOr(Millis),
  p99: Schema.NullOr(Millis),
  chunk: Schema.NullOr(Count)
})

const WorkerSummary = Schema.Struct({
  id: Id,
  name: Name,
  slots: Count,
  state: Schema.Literals(["up", "left", "lost"]),
  joinedAt: Millis,
  leftAt: Schema.NullOr(Millis),
  held: Count,
  tasks: Count,
  failed: Count,
  busy: Millis,
  occupied: Millis,
  share: Count,
  heap: Schema.NullOr(Count),
  oldest: Schema.NullOr(Schema.Struct({ type: Id, tasks: Count, age: Millis }))
})

const FailureSummary = Schema.Struct({
  id: Schema.Int,
  at: Millis,
  task: Name,
  index: Count,
  reason: Name,
  error: Schema.NullOr(Name),
  worker: Name,
  attempt: Count,
  message: Message,
  group: Schema.Int
})

const FailureGroup = Schema.Struct({
  id: Schema.Int,
  task: Name,
  reason: Name,
  error: Schema.NullOr(Name),
  place: Schema.NullOr(text(4096)),
  count: Count,
  first: Millis,
  last: Millis,
  sample: FailureSummary
})

const WorkerEvent = Schema.Struct({
  id: Schema.Int,
  at: Millis,
  worker: Name,
  kind: Schema.Literals(["joined", "left", "lost", "restarted"]),
  detail: Schema.NullOr(Message),
  tasks: Count
})

const SEGMENTS = 8000
const Segments = Schema.Struct({
  worker: list(Id, SEGMENTS),
  row: list(Row, SEGMENTS),
  type: list(Id, SEGMENTS),
  from: list(Millis, SEGMENTS),
  to: list(Millis, SEGMENTS),
  tasks: list(Count, SEGMENTS),
  failed: list(Count, SEGMENTS),
  busy: list(Millis, SEGMENTS)
}).check(
  Schema.makeFilter(({ worker, ...columns }) =>
    Object.values(columns).every(({ length }) => length === worker.length) || "columns have different lengths"
  )
)

/** Numbers by name. */
const numbers = <const Names extends ReadonlyArray<string>>(names: Names) =>
  Schema.Struct(
    Object.fromEntries(names.map((name) => [name, Count])) as {
      readonly [Name in Names[number]]: typeof Count
    }
  )

const Totals = numbers([
  "started",
  "succeeded",
  "failed",
  "retried",
  "restarted",
  "cancelled",
  "waiting",
  "running",
  "retrying",
  "executions",
  "slots"
])

const TimeBudget = numbers(BUDGET_PARTS)

const Advice = Schema.Struct({
  kind: Schema.Literals(["small", "oneThread", "waiting", "input", "consumer", "tail", "order", "chunkSize", "lost"]),
  text: text(1024),
  gain: Millis
})

const COLUMNS = 600
const Series = Schema.Struct({
  width: Millis,
  succeeded: list(Count, COLUMNS),
  failed: list(Count, COLUMNS),
  waiting: list(Count, COLUMNS),
  running: list(Count, COLUMNS),
  slots: list(Count, COLUMNS),
  occupied: list(Millis, COLUMNS)
})

const common = {
  sequence: Schema.Int,
  totals: Totals,
  types: list(TypeSummary, 1024),
  workers: list(WorkerSummary, 1024),
  budget: TimeBudget,
  mainThread: Count,
  failures: Count,
  groups: list(FailureGroup, 100),
  ungrouped: Count,
  latestFailures: list(FailureSummary, 200),
  events: list(WorkerEvent, 500),
  segments: Segments,
  segmentCount: Count,
  advice: list(Advice, 4)
}

const Snapshot = Schema.Struct({
  ...common,
  name: Name,
  startedAt: Millis,
  duration: Millis,
  series: Series
})

const Frame = Schema.Struct({
  ...common,
  at: Millis,
  ended: Schema.Boolean
})

/** An element of `Watch`. */
export const Followed = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ snapshot: Snapshot }), Schema.Struct({ frame: Frame })])
)

/** The answer of `Failure`. */
export const FailureDetails = Schema.fromJsonString(Schema.NullOr(Schema.Struct({
  ...FailureSummary.fields,
  text: text(2048),
  trace: text(16_384),
  payload: Schema.Null,
  span: Schema.NullOr(Schema.Struct({ traceId: Name, spanId: Name })),
  attempts: list(Schema.Struct({ attempt: Count, at: Millis, worker: Name, reason: Name, message: Message }), ATTEMPTS)
})))
