/**
 * The interface of every implementation that the remote suite compares: its servers run for the whole case, and it
 * opens clients that call n + 1 over the network, or send payloads and get them back.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Competitor, CompetitorError, Measurement } from "../../harness/model.ts"
import type { Process } from "../../harness/processes.ts"
import type { Tally } from "../../harness/tally.ts"
import type { Payload } from "../workload/payloads.ts"

/** Worker processes of every implementation that has workers, unless its name says otherwise. Each has one thread. */
export const WORKERS = 1

/** The sizes of chunks that are compared. `"auto"`: the implementation chooses. */
export type ChunkSize = 1 | 16 | 256 | "auto"

export interface Client {
  /** Completes when all workers are connected. The first task does not wait for that: it needs only one. */
  readonly ready: Effect.Effect<void>
  /** Runs n + 1 for n from 1 to `tasks`, in chunks of this size. */
  readonly increments: (tasks: number, chunkSize: ChunkSize) => Effect.Effect<Tally, CompetitorError>
  /** Runs them one after the other, and measures the duration of each. */
  readonly incrementsSequentially: (tasks: number) => Effect.Effect<Measurement, CompetitorError>
  /** Sends payloads of one kind, each a task, and tallies the numbers of those that come back. */
  readonly echo: (payloads: ReadonlyArray<Payload>) => Effect.Effect<Tally, CompetitorError>
}

export interface Deployed {
  /** All processes beside this one. */
  readonly servers: ReadonlyArray<Process>
  readonly open: Effect.Effect<Client, CompetitorError, Scope.Scope>
}

export interface RemoteImplementation {
  readonly name: string
  /** Its options, for the readers of the report. */
  readonly settings: string
  /** Tasks of a run, by the size of chunks. A run takes about a fifth of a second. */
  readonly tasks: Readonly<Record<ChunkSize, number>>
  /** Payloads of a run. */
  readonly payloads: number
  /** Starts the servers. */
  readonly deploy: Effect.Effect<Deployed, CompetitorError, Scope.Scope>
}

/** The targets of an implementation in a case. */
export type Targets = (name: string) => Competitor["target"]

/** Deploys the implementations, and makes a competitor of each. One that cannot be deployed fails in its own row. */
export const deployAll = (
  implementations: ReadonlyArray<RemoteImplementation>,
  toCompetitor: (
    implementation: RemoteImplementation,
    deployed: Deployed
  ) => Effect.Effect<Omit<Competitor, "name">, CompetitorError, Scope.Scope>
): Effect.Effect<ReadonlyArray<Competitor>, never, Scope.Scope> =>
  Effect.forEach(
    implementations,
    (implementation) =>
      Effect.match(Effect.flatMap(implementation.deploy, (deployed) => toCompetitor(implementation, deployed)), {
        onFailure: (error): Competitor => ({ name: implementation.name, run: Effect.fail(error) }),
        onSuccess: (competitor): Competitor => ({ name: implementation.name, ...competitor })
      })
  )

/** As `deployAll`, for competitors that each have one client, which is ready. */
export const openAll = (
  implementations: ReadonlyArray<RemoteImplementation>,
  targets: Targets,
  toCompetitor: (
    implementation: RemoteImplementation,
    client: Client,
    servers: ReadonlyArray<Process>
  ) => Pick<Competitor, "run" | "workload">
): Effect.Effect<ReadonlyArray<Competitor>, never, Scope.Scope> =>
  deployAll(implementations, (implementation, { open, servers }) =>
    Effect.gen(function*() {
      const client = yield* open
      yield* client.ready
      return { ...toCompetitor(implementation, client, servers), target: targets(implementation.name) }
    }))
