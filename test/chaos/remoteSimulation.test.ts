/** Random tasks under random faults of workers, connections, name server and clocks, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { WorkerConnection } from "../../src/internal/remote/client/member.ts"
import { type RemoteSimulation, simulateRemote } from "../support/remote/simulation/simulation.ts"

/** `PAPYROS_CHAOS` may be a number of schedules. `npm run test:simulate -- --kind mild` runs thousands of them. */
const { PAPYROS_CHAOS } = process.env
const SCHEDULES = PAPYROS_CHAOS === undefined ? 40 : Math.max(500, Number(PAPYROS_CHAOS))

const TIMEOUT = 60_000 + SCHEDULES * 2000

/** The first schedule of a kind that breaks a promise. Adds the kinds of faults to a set. */
const firstViolation = (options: RemoteSimulation, faults = new Set<string>()) =>
  Effect.gen(function*() {
    for (let seed = 0; seed < SCHEDULES / 2; seed++) {
      const run = yield* simulateRemote(seed, options)
      if (run.violations.length > 0) return run
      for (const fault of run.faults.keys()) faults.add(fault)
    }
    return undefined
  })

const expectNone = (kind: RemoteSimulation["kind"], kinds: number) =>
  Effect.gen(function*() {
    const faults = new Set<string>()
    const run = yield* firstViolation({ kind }, faults)
    assert.isUndefined(run, `seed ${run?.seed}: ${run?.violations.join("; ")}`)
    assert.strictEqual(faults.size, kinds)
  })

/** Fails with mutants of a connection, which some schedule must find broken. */
const expectSome = (mutate: (connection: WorkerConnection) => WorkerConnection) =>
  Effect.map(firstViolation({ kind: "mild", mutate }), (run) => assert.isDefined(run))

describe("Sessions of RemoteDispatcher", () => {
  it.live(
    "go on after cuts, short silences, a restart of the name server, and clocks that differ: no task starts again",
    () => expectNone("mild", 7),
    TIMEOUT
  )

  it.live(
    "start no task twice that must not, and give each one outcome, after any fault",
    () => expectNone("severe", 12),
    TIMEOUT
  )

  it.live("have one history for a seed", () =>
    Effect.gen(function*() {
      for (const kind of ["mild", "severe"] as const) {
        const [one, two] = [yield* simulateRemote(3, { kind }), yield* simulateRemote(3, { kind })]
        assert.strictEqual(one.digest, two.digest)
        assert.deepStrictEqual(one.lines, two.lines)
      }
    }), TIMEOUT)

  it.live("are found broken if a session that goes on opens anew", () =>
    expectSome((connection) => ({
      ...connection,
      events: (session, onEvents) => connection.events({ ...session, resume: false }, onEvents)
    })), TIMEOUT)

  it.live("are found broken if events get lost with a connection", () =>
    expectSome((connection) => ({
      ...connection,
      events: (session, onEvents) =>
        connection.events(session, (events) => events.seq % 7 === 3 ? Effect.void : onEvents(events))
    })), TIMEOUT)

  it.live("are found broken if commands are sent twice as different ones", () =>
    expectSome((connection) => {
      let shift = 0
      return {
        ...connection,
        send: (commands) =>
          commands.seq === 0 || commands.runs.length === 0
            ? connection.send({ ...commands, seq: commands.seq === 0 ? 0 : commands.seq + shift })
            : Effect.andThen(
              connection.send({ ...commands, seq: commands.seq + shift }),
              connection.send({ ...commands, seq: commands.seq + ++shift })
            )
      }
    }), TIMEOUT)
})
