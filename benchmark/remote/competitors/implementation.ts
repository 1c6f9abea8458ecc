/**
 * Who is compared: each has its servers running, and opens clients to them, which do
 * n + 1 over the network.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Broken, Competitor, Measured } from "../../harness/model.ts"
import type { Tally } from "../../harness/tally.ts"

/** Worker processes of everybody who has them, each with one thread. */
export const WORKERS = 2

export interface Client {
  /** Completes when all workers can be used: the first task needs only one. */
  readonly ready: Effect.Effect<void>
  /** Does the first `tasks` n + 1, of 1 and more, in chunks of this size. */
  readonly increments: (tasks: number, chunkSize: number | "auto") => Effect.Effect<Tally, Broken>
  /** Does them one at a time, and says how long each took. */
  readonly oneByOne: (tasks: number) => Effect.Effect<Measured, Broken>
}

export interface Peer {
  readonly name: string
  /** How it is set up, for those who read the figures. */
  readonly settings: string
  /** Starts its servers; what it gives opens a client. */
  readonly deploy: Effect.Effect<Effect.Effect<Client, Broken, Scope.Scope>, Broken, Scope.Scope>
}

/** Deploys the peers; one that cannot be had says so in its row. */
export const fromPeers = (
  peers: ReadonlyArray<Peer>,
  does: (
    peer: Peer,
    open: Effect.Success<Peer["deploy"]>
  ) => Effect.Effect<Omit<Competitor, "name">, Broken, Scope.Scope>
): Effect.Effect<ReadonlyArray<Competitor>, never, Scope.Scope> =>
  Effect.forEach(peers, (peer) =>
    Effect.match(Effect.flatMap(peer.deploy, (open) => does(peer, open)), {
      onFailure: (broken): Competitor => ({ name: peer.name, run: Effect.fail(broken) }),
      onSuccess: (competitor): Competitor => ({ name: peer.name, ...competitor })
    }))
