/** The dispatchers of the soak: those that live as long as it does, and those of one scenario. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import type { Dice } from "../../../src/testing/random.ts"
import handlers from "../workload/handlers.ts"
import { Tasks } from "../workload/tasks.ts"
import { count, plans, show } from "./plans.ts"
import type { Load, Target } from "./target.ts"

/** `fiber` runs tasks in this process, `pool` in worker threads. */
export type Kind = "fiber" | "pool"

type DispatcherLayer = Layer.Layer<Dispatcher.Dispatcher, WorkerPoolDispatcher.HandlersError>

export interface Opened extends Target {
  readonly layer: DispatcherLayer
  /** The largest number of its threads while it has nothing to do. */
  readonly idleThreads: number
}

const fiber = (name: string, options: FiberDispatcher.FiberOptions): Opened => ({
  name,
  threads: false,
  copies: options.codecs === true,
  crashes: false,
  shared: false,
  layer: Layer.provide(FiberDispatcher.layer(Tasks, options), handlers),
  idleThreads: 0
})

const pool = (
  name: string,
  options: WorkerPoolDispatcher.ThreadPoolSettings,
  crashes: boolean,
  idleThreads: number
): Opened => ({
  name,
  threads: true,
  copies: true,
  crashes,
  shared: crashes && (options.concurrency ?? 1) > 1,
  layer: WorkerPoolDispatcher.layer(Tasks, {
    handlers: new URL("../workload/handlers.ts", import.meta.url),
    // Without crashes no thread may be lost because the machine is busy.
    ...(crashes ? { gracePeriod: 100, resourceLimits: { maxOldGenerationSizeMb: 64 } } : { gracePeriod: "5 minutes" }),
    ...options
  }),
  idleThreads
})

/** The pool whose only thread lives as long as the soak. */
export const STEADY = "pool"

/** The dispatchers that live as long as the soak. */
export const longLived: Readonly<Record<Kind, ReadonlyArray<Opened>>> = {
  fiber: [
    fiber("fiber", { concurrency: 32 }),
    fiber("fiber with codecs", { concurrency: 4, capacity: 16, codecs: true })
  ],
  pool: [
    pool(STEADY, { size: 1, concurrency: 4 }, false, 1),
    pool("elastic pool", { size: { min: 1, max: 3, idleTimeToLive: 500 }, concurrency: 2 }, true, 1),
    // The successor of a thread may be there already.
    pool("recycling pool", { size: 1, maxTasksPerWorker: 2000 }, true, 2)
  ]
}

const shortLived = (kind: Kind, dice: Dice): Opened => {
  const capacity = dice.pick(["unbounded", 1, 50] as const)
  if (kind === "fiber") {
    return fiber("short-lived fiber", { concurrency: dice.pick([1, 2, 100]), codecs: dice.chance(0.5), capacity })
  }
  const min = dice.between(1, 2)
  return pool(
    "short-lived pool",
    {
      size: dice.pick([min, { min, max: min + 1, idleTimeToLive: dice.pick([0, 100]) }]),
      concurrency: dice.pick([1, 1, 3]),
      capacity,
      ...(dice.chance(0.5) ? { maxTasksPerWorker: dice.pick([50, 500]) } : {})
    },
    dice.chance(0.5),
    0
  )
}

export type Scenario = (load: Load) => Effect.Effect<unknown, unknown, Dispatcher.Dispatcher>

/** Opens a dispatcher for one other scenario, or closes it while it runs tasks. */
export const inShortLived = (kind: Kind, scenarios: ReadonlyArray<Scenario>) =>
  Effect.fnUntraced(function*(load: Omit<Load, "target">) {
    const { dice, done, mistake } = load
    const target = shortLived(kind, dice)
    const scope = Scope.makeUnsafe()
    const context = yield* Layer.buildWithScope(target.layer, scope)
    if (dice.chance(0.7)) {
      yield* Effect.provideContext(dice.pick(scenarios)({ ...load, target }), context)
      return yield* Scope.close(scope, Exit.void)
    }
    const planned = plans(dice, target, count(dice))
    let taken = 0
    const running = Dispatcher.results(planned.map(({ task }) => task)).pipe(
      Stream.runForEach(({ index, result, task }) => {
        taken++
        // Without the retries that the plan counts on.
        const retried = task._tag === "Persist"
        if (!retried && !planned[index].check(result)) mistake(`${task._tag} ended with ${show(result)}`)
        return Effect.void
      }),
      Effect.provideContext(context)
    )
    const executing = yield* Effect.forkChild(Effect.result(running))
    yield* Effect.sleep(dice.below(50))
    yield* Scope.close(scope, Exit.void)
    const ended = yield* Fiber.join(executing)
    if (ended._tag === "Failure" && ended.failure._tag !== "DispatcherClosed") mistake(`ended with ${ended.failure}`)
    if (ended._tag === "Success" && taken !== planned.length) mistake(`${taken} of ${planned.length} outcomes`)
    done(taken)
  })
