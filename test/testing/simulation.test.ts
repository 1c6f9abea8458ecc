import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import { type Kind, kinds, shrinkProgram, simulate, simulateProgram } from "papyros/testing"
import { effort } from "../support/effort.ts"
import { found, sound } from "./mutants/simulated.ts"

/** `npm run test:simulate` runs any number of them. */
const SEEDS = effort(100)

/** The run of the first seed in which the oracle finds a broken promise, or that of a rule. */
const firstViolation = (
  kind: Kind,
  seeds: number,
  rule = /^/
) =>
  Effect.gen(function*() {
    for (let seed = 0; seed < seeds; seed++) {
      const run = yield* simulateProgram(kind, seed)
      if (run.violations.some((violation) => rule.test(violation))) return run
    }
    return undefined
  })

const expectNone = (kind: Kind, seeds: number) =>
  Effect.map(
    firstViolation(kind, seeds),
    (run) => assert.isUndefined(run, `seed ${run?.seed}: ${run?.violations.join("; ")}`)
  )

describe("simulateProgram", () => {
  for (const [name, kind] of Object.entries<Kind>(kinds)) {
    it.live(`finds no broken promise of ${name}`, () => expectNone(kind, SEEDS), 60_000)

    it.live(`has one history for a seed of ${name}`, () =>
      Effect.gen(function*() {
        for (let seed = 0; seed < 10; seed++) {
          const first = yield* simulateProgram(kind, seed)
          const second = yield* simulateProgram(kind, seed)
          assert.strictEqual(first.history.join("\n"), second.history.join("\n"))
          assert.strictEqual(first.digest, second.digest)
        }
      }))
  }

  for (const [name, kind] of Object.entries(sound)) {
    it.live(`finds no broken promise of ${name}`, () => expectNone(kind, effort(30)), 60_000)
  }

  for (const [name, { kind, rule, within }] of Object.entries(found)) {
    it.live(
      `finds a dispatcher that ${name}`,
      () => Effect.map(firstViolation(kind, within, rule), (run) => assert.isDefined(run)),
      60_000
    )
  }

  it.live("makes a program that fails smaller", () =>
    Effect.gen(function*() {
      const { kind } = found["drops the tail of a requeued chunk"]
      const run = yield* firstViolation(kind, 100)
      assert.isDefined(run)
      const shrunk = yield* shrinkProgram(kind, run, { tries: 200 })
      assert.isAbove(shrunk.violations.length, 0)
      assert.isBelow(JSON.stringify(shrunk.plan).length, JSON.stringify(run.plan).length)
    }))
})

class Double extends Task.Class<Double>()("Double", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const Tasks = TaskGroup.make(Double)

const handlers = Tasks.toLayer({ Double: ({ n }) => Effect.as(Effect.sleep(`${n} hours`), 2 * n) })

const tasks = [1, 2, 3, 4, 5].map((n) => new Double({ n }))

describe("simulate", () => {
  const options = { tasks: Tasks, handlers }

  it.live("passes a program that holds under every seed", () =>
    simulate(
      Effect.gen(function*() {
        const results = yield* Stream.runCollect(Dispatcher.execute(tasks, { ordered: true }))
        assert.deepStrictEqual(results, [2, 4, 6, 8, 10])
      }),
      options
    ))

  it.live("names the first seed under which a program fails, and that seed fails again", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        const results = yield* Stream.runCollect(Dispatcher.execute(tasks))
        assert.deepStrictEqual(results, [2, 4, 6, 8, 10])
      })
      const failed = yield* Effect.flip(simulate(program, options))
      const again = yield* Effect.flip(simulate(program, { ...options, seeds: [failed.seed] }))
      assert.deepStrictEqual([again.seed, again.message], [failed.seed, failed.message])
      assert.deepStrictEqual(again.history, failed.history)
      assert.isNotEmpty(failed.history)
    }))

  it.live("finds a program that waits without end, and one that never becomes idle", () =>
    Effect.gen(function*() {
      const waits = yield* Effect.flip(simulate(Effect.andThen(Effect.sleep("1 second"), Effect.never), options))
      assert.match(waits.message, /waits without end since 1000 ms/)
      const spins = yield* Effect.flip(simulate(Effect.forever(Effect.yieldNow), { ...options, maxTurns: 1000 }))
      assert.match(spins.message, /does not end within/)
    }))

  it.live("takes randomness and time from the seed, and restores the real ones afterwards", () =>
    Effect.gen(function*() {
      const { now } = performance
      const drawn: Array<string> = []
      const program = Effect.gen(function*() {
        yield* Effect.sleep("1 day")
        const time = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        drawn.push(`${time} ${yield* Random.next}`)
      })
      yield* simulate(program, { ...options, seeds: [7, 8, 7] })
      assert.strictEqual(drawn[0], drawn[2])
      assert.notStrictEqual(drawn[0], drawn[1])
      assert.match(drawn[0], /^86400000 /)
      assert.strictEqual(performance.now, now)
    }))

  it.live("keeps all workers if asked to", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(simulate(Effect.die("the end"), { ...options, faults: { loss: 0, leave: 0 } }))
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("the end"))
    }))
})
