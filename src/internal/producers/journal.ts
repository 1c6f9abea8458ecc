/**
 * The journal of a durable run, as an execution uses it: it has the outcomes of an earlier program, and stores those of the
 * execution before the consumer sees them.
 */
import type { DurableError } from "../durableError.ts"
import type { TaskEntry } from "../scheduler/producer.ts"
import type { Source } from "./source.ts"

/** Every member is synchronous and never throws. */
export interface Journal {
  /** The source, whose tasks are looked up before they are given. `arrived` is called when the next one may be there. */
  readonly through: <E>(source: Source<unknown, E>, arrived: () => void) => Source<unknown, E | DurableError>
  /** Whether there is an outcome of the task that the source gave last. If so, it is set in the entry. */
  readonly recall: (entry: TaskEntry) => boolean
  /** Stores the outcome of an entry. `JournaledExecution.stored` or `failed` follows. */
  readonly record: (entry: TaskEntry) => void
}

/** The execution, as its journal sees it. */
export interface JournaledExecution {
  /** The outcomes of these entries are stored. */
  readonly stored: (entries: ReadonlyArray<TaskEntry>) => void
  /** Outcomes cannot be stored. */
  readonly failed: (error: DurableError) => void
}
