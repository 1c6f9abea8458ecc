/**
 * The interface of every implementation that the remote suite compares: its servers run for the whole case, and it
 * opens clients that call n + 1 over the network.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Competitor, CompetitorError, Measurement } from "../../harness/model.ts"
import type { Tally } from "../../harness/tally.ts"

/** Worker processes of every implementation that has workers. Each has one thread. */
export const WORKERS = 2

export interface Client {
  /** Completes when all workers are connected. The first task does not wait for that: it needs only one. */
  readonly ready: Effect.Effect<void>
  /** Runs n + 1 for n from 1 to `tasks`, in chunks of this size. */
  readonly increments: (tasks: number, chunkSize: number | "auto") => Effect.Effect<Tally, CompetitorError>
  /** Runs them one after the other, and measures the duration of each. */
  readonly incrementsSequentially: (tasks: number) => Effect.Effect<Measurement, CompetitorError>
}

export interface RemoteImplementation {
  readonly name: string
  /** Its options, for the readers of the report. */
  readonly settings: string
  /** Starts the servers, and returns the effect that opens a client. */
  readonly deploy: Effect.Effect<Effect.Effect<Client, CompetitorError, Scope.Scope>, CompetitorError, Scope.Scope>
}

/** Deploys the implementations, and makes a competitor of each. One that cannot be deployed fails in its own row. */
export const deployAll = (
  implementations: ReadonlyArray<RemoteImplementation>,
  toCompetitor: (
    implementation: RemoteImplementation,
    open: Effect.Success<RemoteImplementation["deploy"]>
  ) => Effect.Effect<Omit<Competitor, "name">, CompetitorError, Scope.Scope>
): Effect.Effect<ReadonlyArray<Competitor>, never, Scope.Scope> =>
  Effect.forEach(
    implementations,
    (implementation) =>
      Effect.match(Effect.flatMap(implementation.deploy, (open) => toCompetitor(implementation, open)), {
        onFailure: (error): Competitor => ({ name: implementation.name, run: Effect.fail(error) }),
        onSuccess: (competitor): Competitor => ({ name: implementation.name, ...competitor })
      })
  )
