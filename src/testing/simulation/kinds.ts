/**
 * The kinds of dispatchers on which programs are simulated. All of them use the clock of the program.
 *
 * To simulate another dispatcher, write a `Kind` for it and pass that to `simulateProgram`.
 */
import * as Layer from "effect/Layer"
import type { Dispatcher } from "../../Dispatcher.ts"
import * as Executor from "../../Executor.ts"
import * as DummyDispatcher from "../../layers/DummyDispatcher.ts"
import * as FiberDispatcher from "../../layers/FiberDispatcher.ts"
import * as RoutedDispatcher from "../../layers/RoutedDispatcher.ts"
import type * as TaskGroup from "../../TaskGroup.ts"
import { type Faults, makeScripted } from "../faultInjection.ts"
import type { Oracle } from "./oracle.ts"
import type { Abilities, ProgramPlan } from "./program.ts"
import type { Stage } from "./stage.ts"
import type { Promises } from "./state.ts"
import { halves, SimulatedTasks } from "./tasks.ts"

/**
 * The values from which a simulated dispatcher is built.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export interface KindSetup {
  readonly seed: number
  readonly plan: ProgramPlan
  readonly stage: Stage
}

/**
 * The Layer of the handlers of simulated tasks.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export type SimulatedHandlers = Layer.Layer<
  TaskGroup.Handler<"Work"> | TaskGroup.Handler<"Side"> | TaskGroup.Handler<"Once"> | TaskGroup.Handler<"Brief">
>

/**
 * A dispatcher for simulated programs, and its promises.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export interface Kind extends Abilities {
  readonly promises: (plan: ProgramPlan) => Promises
  /** Makes the dispatcher, which must take its clock and its scheduler from its context. */
  readonly layer: (setup: KindSetup, handlers: SimulatedHandlers) => Layer.Layer<Dispatcher>
}

/** The promises of a dispatcher that runs handlers in this process. */
const localPromises =
  (codec: boolean, slotsOf = ({ concurrency }: ProgramPlan) => concurrency) => (plan: ProgramPlan): Promises => {
    const slots = slotsOf(plan)
    const all = { pool: "all", slots }
    return { slotsOf: () => all, slots, capacity: plan.capacity, codec, loses: false, routed: false, eager: true }
  }

/** The workers of the scripted dispatcher, and the tasks that each of them runs at once. */
const WORKERS = 3
const SCRIPTED_CONCURRENCY = 2

/** Reports the events of workers to the oracle. */
const observe = (oracle: Oracle): Parameters<typeof makeScripted>[0]["observe"] => (event) => {
  switch (event._tag) {
    case "Started":
      return oracle.assign(event.id, event.worker, event.attempt)
    case "Settled":
      return oracle.settle(event.id, event.worker)
    case "Lost":
      return oracle.lose(event.worker)
  }
}

const keyOfItem = ({ payload }: Executor.Item) => (payload as { readonly key: number }).key

/**
 * Makes the executor that injects faults into workers and runs the plans of tasks.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export const makeSimulatedExecutor = ({ seed, stage }: KindSetup, faults?: Partial<Faults>): Executor.Executor =>
  makeScripted({
    seed,
    run: (item) => stage.handle(item.payload as never),
    idOf: keyOfItem,
    observe: observe(stage.oracle),
    workers: WORKERS,
    concurrency: SCRIPTED_CONCURRENCY,
    faults
  })

/** The promises of the dispatcher on the executor that injects faults. */
const scriptedPromises = (): Promises => {
  const slots = WORKERS * SCRIPTED_CONCURRENCY
  const all = { pool: "all", slots }
  return { slotsOf: () => all, slots, capacity: undefined, codec: false, loses: true, routed: false, eager: false }
}

const fiber = (codecs: boolean): Kind => ({
  nests: true,
  promises: localPromises(codecs),
  layer: ({ plan: { capacity, concurrency } }, handlers) =>
    Layer.provide(FiberDispatcher.layer(SimulatedTasks, { capacity, codecs, concurrency }), handlers)
})

/**
 * The kinds of dispatchers of papyros that run on the clock of the program.
 *
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const kinds = {
  dummy: {
    nests: true,
    promises: (plan) => ({ ...localPromises(true, () => 1)(plan), capacity: undefined }),
    layer: (_, handlers) => Layer.provide(DummyDispatcher.layer(SimulatedTasks), handlers)
  },
  fiber: fiber(false),
  codecs: fiber(true),
  scripted: {
    nests: false,
    promises: scriptedPromises,
    layer: (setup) => Executor.layer(SimulatedTasks, makeSimulatedExecutor(setup), { capacity: setup.plan.capacity })
  },
  routed: {
    nests: true,
    halves: true,
    promises: (plan) => {
      const { concurrency } = plan
      const first = { pool: "first", slots: concurrency }
      const second = { pool: "second", slots: 2 }
      return {
        ...localPromises(false)(plan),
        slotsOf: (name) => name === "Side" || name === "Brief" ? second : first,
        slots: concurrency + 2,
        routed: true,
        eager: false
      }
    },
    layer: ({ plan: { capacity, concurrency } }, handlers) =>
      RoutedDispatcher.layer([
        FiberDispatcher.layer(halves[0], { capacity, concurrency }),
        FiberDispatcher.layer(halves[1], { capacity, concurrency: 2 })
      ]).pipe(Layer.provide(handlers))
  }
} satisfies Record<string, Kind>
