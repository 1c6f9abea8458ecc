/** The laws of all dispatchers. */
import * as Bounds from "./laws/bounds.ts"
import * as Endings from "./laws/endings.ts"
import * as Failures from "./laws/failures.ts"
import * as Fairness from "./laws/fairness.ts"
import * as IdleTimeout from "./laws/idleTimeout.ts"
import * as Losses from "./laws/losses.ts"
import * as Queues from "./laws/queues.ts"
import * as Results from "./laws/results.ts"
import * as Scopes from "./laws/scopes.ts"
import * as Timeouts from "./laws/timeouts.ts"
import type { Law } from "./property.ts"

/**
 * All laws, in the order of their numbers.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const allLaws: ReadonlyArray<Law> = [
  Results.oracle,
  Results.outcomes,
  Results.transparency,
  Failures.failures,
  Endings.endings,
  Bounds.bounds,
  Queues.queues,
  Fairness.fairness,
  IdleTimeout.idleTimeout,
  Losses.losses,
  Scopes.scopes,
  Timeouts.timeouts
]
