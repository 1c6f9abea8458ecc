/**
 * A store in a Postgres database, which tells at once when a run has changed.
 *
 * Must stay true: notifications only shorten a wait. A connection that hears none, as behind a pooler of transactions, or
 * that is away, costs time and nothing else.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import { DurableError, StoreFailed } from "../durableError.ts"
import { tablesOf } from "./dialect.ts"
import { persistBriefly } from "./persist.ts"
import { channelOf } from "./postgresDialect.ts"
import * as SqlStore from "./sqlStore.ts"
import type { Store } from "./store.ts"

/** Before it listens again. */
const PAUSE = "1 second"

/** The longest wait for the answer to an operation: of a host that has vanished TCP knows only after a quarter of an hour. */
const PATIENCE = "30 seconds"

const noAnswer = (operation: "read" | "write") =>
  new DurableError({
    reason: new StoreFailed({
      operation,
      retryable: true,
      cause: new Error("Postgres has not answered for 30 seconds")
    })
  })

/** An operation that is interrupted after a while, even if its caller is not to be interrupted. It may be repeated. */
const bounded = (operation: "read" | "write") => <A>(effect: Effect.Effect<A, DurableError>) =>
  Effect.timeoutOrElse(Effect.interruptible(effect), {
    duration: PATIENCE,
    orElse: () => Effect.fail(noAnswer(operation))
  })

const reading = bounded("read")
const writing = bounded("write")

/** The waits for changes, by their runs. */
class Waits {
  private readonly latches = new Map<string, Set<Latch.Latch>>()

  readonly add = (run: string): Latch.Latch => {
    const latch = Latch.makeUnsafe(false)
    const others = this.latches.get(run)
    if (others === undefined) this.latches.set(run, new Set([latch]))
    else others.add(latch)
    return latch
  }

  readonly remove = (run: string, latch: Latch.Latch): void => {
    const others = this.latches.get(run)!
    others.delete(latch)
    if (others.size === 0) this.latches.delete(run)
  }

  readonly changed = (run: string): void => {
    for (const latch of this.latches.get(run) ?? []) latch.openUnsafe()
  }

  readonly allChanged = (): void => {
    for (const run of this.latches.keys()) this.changed(run)
  }
}

/** The store of a client, which listens while a program waits for changes. */
export const make = Effect.fnUntraced(function*(
  sql: PgClient,
  options: SqlStore.SqlStoreOptions
): Effect.fn.Return<Store, DurableError, Scope.Scope> {
  const store = yield* persistBriefly(SqlStore.make(sql, options))
  const patient: Store = {
    ...store,
    acquire: (...args) => writing(store.acquire(...args)),
    renew: (...args) => writing(store.renew(...args)),
    release: (...args) => writing(store.release(...args)),
    lookup: (...args) => reading(store.lookup(...args)),
    append: (...args) => writing(store.append(...args)),
    list: (...args) => reading(store.list(...args)),
    removeRun: (...args) => writing(store.removeRun(...args))
  }
  // It takes a connection for itself.
  if ("maxConnections" in sql.config && sql.config.maxConnections === 1) return patient
  const waits = new Waits()
  const channel = channelOf(tablesOf(options.prefix))
  const listen = Effect.scoped(Effect.gen(function*() {
    const notifications = yield* sql.listen(channel)
    // Something may have changed before it listened.
    waits.allChanged()
    return yield* Effect.forever(Effect.map(Queue.take(notifications), ({ payload }) => waits.changed(payload)))
  }))
  const listening = yield* RcRef.make({
    acquire: Effect.forkScoped(Effect.forever(Effect.andThen(Effect.ignoreCause(listen), Effect.sleep(PAUSE))))
  })
  return {
    ...patient,
    watch: (run) =>
      Effect.gen(function*() {
        const latch = yield* Effect.acquireRelease(
          Effect.sync(() => waits.add(run)),
          (latch) => Effect.sync(() => waits.remove(run, latch))
        )
        yield* RcRef.get(listening)
        return Effect.map(latch.await, () => void latch.closeUnsafe())
      })
  }
})
