import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { decodeCommands, encodeCommands } from "../../../src/internal/remote/protocol/sessionMessages.ts"
import { type ClusterSimulation, simulateCluster } from "../../support/cluster/simulation.ts"
import { effort } from "../../support/effort.ts"

/** `npm run test:simulate -- --kind repaired` runs thousands of them. */
const SEEDS = 30

/** The first run of a seed that breaks a promise. */
const firstViolation = (options: ClusterSimulation, seeds = SEEDS) =>
  Effect.gen(function*() {
    for (let seed = 0; seed < seeds; seed++) {
      const run = yield* simulateCluster(seed, options)
      if (run.violations.length > 0) return run
    }
    return undefined
  })

const expectNone = (kind: ClusterSimulation["kind"]) =>
  Effect.map(
    firstViolation({ kind }, effort(SEEDS)),
    (run) => assert.isUndefined(run, `seed ${run?.seed}: ${run?.violations.join("; ")}`)
  )

/** Counts from 1, by session. */
const counter = () => {
  const counts = new Map<string, number>()
  return (session: string): number => {
    const count = 1 + (counts.get(session) ?? 0)
    counts.set(session, count)
    return count
  }
}

describe("Sessions over the calls of an entity", () => {
  it.live(
    "restart no task, whatever the engine repairs, and lose only runners that end",
    () => expectNone("repaired"),
    120_000
  )

  it.live(
    "start no task twice that must not, and give each one outcome, when any of them may be lost",
    () => expectNone("broken"),
    120_000
  )

  it.live("have one history for a seed", () =>
    Effect.gen(function*() {
      for (const kind of ["repaired", "broken"] as const) {
        const [one, two] = [yield* simulateCluster(7, { kind }), yield* simulateCluster(7, { kind })]
        assert.strictEqual(one.digest, two.digest)
        assert.deepStrictEqual(one.lines, two.lines)
      }
    }), 60_000)

  it.live("are found broken if a repeated poll gets the next events", () =>
    Effect.gen(function*() {
      const next = counter()
      const run = yield* firstViolation({
        kind: "repaired",
        mutate: (calls) => ({ ...calls, Poll: (call) => calls.Poll({ ...call, seq: next(call.session) }) })
      })
      assert.isDefined(run)
    }), 120_000)

  it.live("are found broken if a repeated message counts as a new one", () =>
    Effect.gen(function*() {
      const next = counter()
      const run = yield* firstViolation({
        kind: "repaired",
        mutate: (calls) => ({
          ...calls,
          Send: (call) => {
            const commands = decodeCommands(call.commands)
            const seq = commands.seq === 0 ? 0 : next(call.session)
            return calls.Send({ ...call, commands: Buffer.concat(encodeCommands({ ...commands, seq })) })
          }
        })
      })
      assert.isDefined(run)
    }), 120_000)
})
