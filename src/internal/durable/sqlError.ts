/** The errors of a SQL client as those of a store. */
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"
import { DurableError, StoreFailed } from "../durableError.ts"

type Operation = StoreFailed["operation"]

/** The error of a statement. */
export const toDurableError = (operation: Operation) => (cause: SqlError): DurableError =>
  new DurableError({
    reason: new StoreFailed({ operation, retryable: cause.isRetryable || passes(cause.reason.cause), cause })
  })

/**
 * Codes of Postgres that Effect does not classify, and after which the same statement may succeed: too many connections,
 * too little memory, a shutdown, a start.
 */
const PASSING = /^(?:53[23]00|57P0[1-5])$/

const passes = (cause: unknown): boolean => Predicate.hasProperty(cause, "code") && PASSING.test(String(cause.code))

/** What is not retryable, and no error of a statement. */
export const unusable = (operation: Operation, cause: unknown): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: false, cause }) })
