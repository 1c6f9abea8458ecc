import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Dispatcher } from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import type { Scenario } from "../../../benchmark/soak/load/dispatchers.ts"
import * as Executions from "../../../benchmark/soak/load/executions.ts"
import * as Queues from "../../../benchmark/soak/load/queues.ts"
import * as Singles from "../../../benchmark/soak/load/singles.ts"
import handlers from "../../../benchmark/soak/workload/handlers.ts"
import { Tasks } from "../../../benchmark/soak/workload/tasks.ts"
import { Dice } from "../../../src/testing/random.ts"
import { doubles, reorders, same, wrapped } from "../../testing/mutants/verbs.ts"

const SEEDS = 5

/** A dispatcher with a fault between the verbs and the scheduler, and with other handlers for some tasks. */
const dispatcher = (change: typeof same, wrong: Layer.Layer<never> = Layer.empty) =>
  wrapped(change).pipe(
    Layer.provide(FiberDispatcher.layer(Tasks, { concurrency: 3 })),
    Layer.provide(Layer.merge(handlers, wrong))
  )

const wrongResult = Tasks.toLayerHandler("Inc", ({ n }) => Effect.succeed(n + 2)) as Layer.Layer<never>

/** Runs a scenario on a dispatcher, with several seeds. */
const run = (scenario: Scenario, layer: Layer.Layer<Dispatcher>, mistake: (text: string) => void) =>
  Effect.gen(function*() {
    for (let seed = 0; seed < SEEDS; seed++) {
      yield* scenario({
        dice: new Dice(seed),
        target: { name: "fiber", threads: false, copies: false, crashes: false, shared: false },
        done: () => {},
        mistake
      })
    }
  }).pipe(Effect.provide(layer), Effect.orDie)

const scenarios = {
  complete: Executions.complete,
  failing: Executions.failing,
  interrupted: Executions.interrupted,
  singles: Singles.singles,
  interruptedSingles: Singles.interruptedSingles,
  ended: Queues.ended,
  popped: Queues.popped,
  closed: Queues.closed
} satisfies Readonly<Record<string, Scenario>>

describe("Scenarios of the soak", () => {
  for (const [name, scenario] of Object.entries<Scenario>(scenarios)) {
    it.live(`${name} finds nothing on a sound dispatcher`, () =>
      Effect.gen(function*() {
        const mistakes: Array<string> = []
        yield* run(scenario, dispatcher(same), (text) => mistakes.push(text))
        assert.deepStrictEqual(mistakes, [])
      }))
  }

  const broken: ReadonlyArray<readonly [string, keyof typeof scenarios, Layer.Layer<Dispatcher>, RegExp]> = [
    ["a wrong result", "complete", dispatcher(same, wrongResult), /^Inc ended with success/],
    ["a wrong result of a single task", "singles", dispatcher(same, wrongResult), /^Inc ended with success/],
    ["a wrong result in a queue", "ended", dispatcher(same, wrongResult), /^Inc ended with success/],
    ["a wrong result of a pop", "popped", dispatcher(same, wrongResult), /which was not due$/],
    ["an outcome that comes twice", "ended", dispatcher(doubles), /^a second outcome of a task/],
    ["results in a wrong order", "complete", dispatcher(reorders), /has another task/]
  ]
  for (const [name, scenario, layer, expected] of broken) {
    it.live(`${scenario} finds ${name}`, () =>
      Effect.gen(function*() {
        const found = Deferred.makeUnsafe<void>()
        // A broken dispatcher may never end a scenario.
        const running = run(scenarios[scenario], layer, (text) => {
          if (expected.test(text)) Deferred.doneUnsafe(found, Effect.void)
        })
        yield* Effect.raceFirst(running, Deferred.await(found))
        assert.isTrue(yield* Deferred.isDone(found))
      }))
  }
})
