/** The errors of a SQL client as those of a store. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { DurableError, StoreFailed } from "../durableError.ts"

type Operation = StoreFailed["operation"]

/**
 * Codes of Postgres that Effect does not classify, and after which the same statement may succeed: too many connections,
 * too little memory, a shutdown, a start, a transaction that was open for too long.
 */
const PASSING = /^(?:25P0[34]|53[23]00|57P0[1-5])$/

/** Codes of Node for a certificate that is not trusted, which Effect takes for a lost connection. */
const UNTRUSTED = /CERT|VERIFY|ERR_TLS/

const isRetryable = ({ isRetryable, reason }: SqlError): boolean => {
  const code = Predicate.hasProperty(reason.cause, "code") ? String(reason.cause.code) : ""
  return PASSING.test(code) || (isRetryable && !UNTRUSTED.test(code))
}

/** The error of a statement. */
export const toDurableError = (operation: Operation) => (cause: SqlError): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: isRetryable(cause), cause }) })

/**
 * Runs statements in one transaction. If its connection is lost, the rollback fails as well, which `withTransaction` takes
 * for a defect: it is an error of the transaction here.
 */
export const inTransaction = <A, E>(
  sql: SqlClient,
  statements: Effect.Effect<A, E | SqlError>
): Effect.Effect<A, E | SqlError> =>
  Effect.catchCause(sql.withTransaction(statements), (cause) => {
    const errors = cause.reasons.flatMap((reason) =>
      reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : []
    ).filter(isSqlError)
    return Cause.hasInterrupts(cause) || errors.length === 0
      ? Effect.failCause(cause)
      : Effect.fail(errors.find(({ isRetryable }) => isRetryable) ?? errors[0])
  })

/** An error that is not retryable and is no error of a statement. */
export const unusable = (operation: Operation, cause: unknown): DurableError =>
  new DurableError({ reason: new StoreFailed({ operation, retryable: false, cause }) })
