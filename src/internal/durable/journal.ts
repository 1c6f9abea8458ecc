/**
 * The journal of one execution of a durable run, between its source and its consumer: tasks with a stored outcome do not
 * run, and the outcomes of the others are stored before they are delivered.
 *
 * Must stay true: an outcome is not seen before it is stored. A task that must not start twice is claimed in the store
 * before the dispatcher has it. While one write is under way, outcomes gather for the next one.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { isTaskFailure } from "../../TaskFailure.ts"
import type { DurableError } from "../durableError.ts"
import type { Journal, JournaledExecution } from "../producers/journal.ts"
import type { Source } from "../producers/source.ts"
import type { TaskEntry } from "../scheduler/producer.ts"
import { JournaledSource } from "./journaledSource.ts"
import * as Outcomes from "./outcomes.ts"
import { lost } from "./ownership.ts"
import { persist, persistAtEnd } from "./persist.ts"
import { unusable } from "./sqlError.ts"
import type { Row, Store } from "./store.ts"
import type { KeyedTask, TaskKeys } from "./taskKeys.ts"

/** Rows in one write: a statement of a file blocks the event loop. */
const MAX_ROWS = 512
/** Characters of JSON in one write, unless one row has more: databases bound the length of a parameter. */
const MAX_TEXT = 8 * 2 ** 20

export interface JournalOptions {
  readonly store: Store
  readonly run: string
  readonly owner: string
  readonly keys: TaskKeys
  readonly rerun: "failed" | "none"
  /** The run has rows, or may get some before a task is pulled. */
  readonly looksUp: boolean
}

interface Outcome {
  readonly entry: TaskEntry
  readonly row: Row
}

export class RunJournal implements Journal {
  private readonly options: JournalOptions
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private execution!: JournaledExecution
  private source: JournaledSource<unknown> | undefined
  /** The tasks that run. */
  private readonly open = new Map<TaskEntry, KeyedTask>()
  /** Outcomes that are not stored, in the order in which they came. */
  private outcomes: Array<Outcome> = []
  /** Resumes the writer, which waits for outcomes. */
  private wake: (() => void) | undefined
  private broken = false

  constructor(options: JournalOptions, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.options = options
    this.fork = fork
  }

  attach(execution: JournaledExecution): this {
    this.execution = execution
    return this
  }

  through<E>(source: Source<unknown, E>, arrived: () => void): Source<unknown, E | DurableError> {
    const through = new JournaledSource<E>({ ...this.options, source, arrived, claim: this.claim, fork: this.fork })
    this.source = through
    return through
  }

  recall(entry: TaskEntry): boolean {
    const { pulled, row } = this.source!.last!
    if (isTaskFailure(pulled)) {
      entry.failure = pulled
      return true
    }
    if (row === undefined) {
      this.open.set(entry, pulled)
      return false
    }
    Outcomes.fromRow(pulled, row, entry)
    return true
  }

  record(entry: TaskEntry): void {
    const keyed = this.open.get(entry)!
    this.open.delete(entry)
    this.outcomes.push({ entry, row: Outcomes.toRow(keyed, entry) })
    this.wake?.()
  }

  private readonly claim = (keyed: KeyedTask): Effect.Effect<void, DurableError> =>
    persist(this.append([Outcomes.toClaim(keyed)]))

  /** The outcomes to write next: some of those that are not stored, from the first. */
  private batch(): ReadonlyArray<Outcome> {
    let [length, text] = [0, 0]
    while (length < Math.min(MAX_ROWS, this.outcomes.length)) {
      const { outcome, payload } = this.outcomes[length].row
      text += (outcome?.length ?? 0) + (payload?.length ?? 0)
      if (length > 0 && text > MAX_TEXT) break
      length++
    }
    return this.outcomes.slice(0, length)
  }

  private append(rows: ReadonlyArray<Row>): Effect.Effect<void, DurableError> {
    const { owner, run, store } = this.options
    return Effect.flatMap(store.append(run, owner, rows), (owned) => owned ? Effect.void : Effect.fail(lost(run)))
  }

  private readonly outcomesThere = Effect.callback<void>((resume) => {
    if (this.outcomes.length > 0) return resume(Effect.void)
    this.wake = () => {
      this.wake = undefined
      resume(Effect.void)
    }
  })

  private readonly write = Effect.suspend(() => {
    const batch = this.batch()
    return Effect.map(persist(this.store(batch)), () => this.execution.stored(batch.map(({ entry }) => entry)))
  })

  /** Outcomes stay until they are stored, so that `flush` finds them. A write that has begun ends. */
  private store(batch: ReadonlyArray<Outcome>): Effect.Effect<void, DurableError> {
    const rows = batch.map(({ row }) => row)
    return Effect.uninterruptible(
      Effect.tap(
        this.append(this.options.keys.mayRepeat ? distinct(rows) : rows),
        Effect.sync(() => this.outcomes = this.outcomes.slice(batch.length))
      )
    )
  }

  /** Ends the execution with an error. */
  fail(error: DurableError): void {
    this.broken = true
    this.execution.failed(error)
  }

  /** Stores outcomes as they come. The pause gathers those of one turn of the event loop. */
  private readonly writing: Effect.Effect<void> = Effect.forever(
    Effect.andThen(Effect.andThen(this.outcomesThere, Effect.yieldNow), this.write),
    { disableYield: true }
  ).pipe(Effect.catchCause((cause) => Effect.sync(() => this.fail(errorOf(cause)))))

  /** Stores the outcomes that are left. An outcome that cannot be stored was not delivered, and its task runs again. */
  private readonly flush: Effect.Effect<void> = Effect.ignoreCause(
    Effect.whileLoop({
      while: () => !this.broken && this.outcomes.length > 0,
      body: () => persistAtEnd(this.store(this.batch())),
      step: () => {}
    })
  )

  /** Writes until the scope closes. */
  readonly start: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => {
    const writer = this.fork(this.writing)
    return Effect.addFinalizer(() => Effect.andThen(Fiber.interrupt(writer), this.flush))
  })
}

/** The error of a write. A defect of the store ends the execution as well. */
const errorOf = (cause: Cause.Cause<DurableError>): DurableError =>
  Option.getOrElse(Cause.findErrorOption(cause), () => unusable("write", Cause.squash(cause)))

/** One row of each key, its success or else the last one: the effect of all rows, one after the other. */
const distinct = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const byKey = new Map<string, Row>()
  for (const row of rows) {
    if (byKey.get(row.key)?.state !== "succeeded") byKey.set(row.key, row)
  }
  return Array.from(byKey.values())
}
