/** Makes the competitors of a case from contestants, each with its own number of tasks. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Competitor } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import type { Load, Peer } from "../competitors/implementation.ts"
import type { Payloads, WorkName } from "./functions.ts"

/**
 * What so many tasks of a load must deliver, found out by doing them here. Every
 * competitor does the first ones of the same, as many as take it a tenth of a
 * second or more.
 */
export const oracle = <W extends WorkName>(load: Load<W>, work: (payload: Payloads[W]) => unknown) => {
  const outcomes: Array<number> = []
  return (tasks: number): { readonly tasks: number; readonly expected: Tally } => {
    while (outcomes.length < tasks) outcomes.push(load.outcome(work(load.payload(outcomes.length))))
    const expected = new Tally()
    for (let i = 0; i < tasks; i++) expected.success(outcomes[i])
    return { tasks, expected }
  }
}

/** Opens the peers, and has each do something; one that cannot be opened says so in its row. */
export const fromPeers = (
  peers: ReadonlyArray<Peer>,
  does: (peer: Peer, contestant: Effect.Success<Peer["open"]>) => Omit<Competitor, "name">
): Effect.Effect<ReadonlyArray<Competitor>, never, Scope.Scope> =>
  Effect.forEach(peers, (peer) =>
    Effect.match(peer.open, {
      onFailure: (broken): Competitor => ({ name: peer.name, run: Effect.fail(broken) }),
      onSuccess: (contestant) => ({ name: peer.name, ...does(peer, contestant) })
    }))
