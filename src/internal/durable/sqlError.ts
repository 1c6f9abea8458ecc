/** The errors of a SQL client as those of a store. */
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"
import { DurableError, StoreFailed } from "../durableError.ts"

type Operation = StoreFailed["operation"]

/**
 * Codes of Postgres that Effect does not classify, and after which the same statement may succeed: too many connections,
 * too little memory, a shutdown, a start.
 */
const PASSING = /^(?:53[23]00|57P0[1-5])$/

/** Codes of Node for a certificate that is not trusted, which Effect takes for a lost connection. */
const UNTRUSTED = /CERT|VERIFY|ERR_TLS/

const isRetryable = ({ isRetryable, reason }: SqlError): boolean => {
  const code = Predicate.hasProperty(reason.cause, "code") ? String(reason.cause.code) : ""
  return PASSING.test(code) || (isRetryable && !UNTRUSTED.test(code))
}

/** The error of a statement. */
export const toDurableError = (operation: Operation) => (cause: SqlError): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: isRetryable(cause), cause }) })

/** What is not retryable, and no error of a statement. */
export const unusable = (operation: Operation, cause: unknown): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: false, cause }) })
