/** The broken dispatchers of `mutants.ts`, as kinds for simulated programs. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dispatcher, SchedulerHandleKey } from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import { type Faults, type Kind, kinds, makeSimulatedExecutor, SimulatedTasks } from "papyros/testing"
import * as Verbs from "./verbs.ts"
import * as Workers from "./workers.ts"

type Handle = Dispatcher["Service"][typeof SchedulerHandleKey]

/** A kind with a fault between its verbs and its scheduler. */
const behind = (kind: Kind, change: (handle: Handle) => Handle): Kind => ({
  ...kind,
  layer: (setup, handlers) =>
    Layer.effect(
      Dispatcher,
      Effect.map(
        Dispatcher,
        (dispatcher) => Dispatcher.of({ ...dispatcher, [SchedulerHandleKey]: change(dispatcher[SchedulerHandleKey]) })
      )
    ).pipe(Layer.provide(kind.layer(setup, handlers)))
})

/** A kind whose workers call a scheduler of the given class. */
const calling = (
  Mutant: new(inner: Executor.Scheduler) => Executor.Scheduler,
  faults: Partial<Faults> = { loss: 0, giveBack: 0 }
): Kind => ({
  ...kinds.scripted,
  layer: (setup) => {
    const executor = makeSimulatedExecutor(setup, faults)
    return Executor.layer(SimulatedTasks, {
      ...executor,
      open: (scheduler, dispatcher) => executor.open(new Mutant(scheduler), dispatcher)
    }, { capacity: setup.plan.capacity })
  }
})

const tooMany: Kind = {
  ...kinds.fiber,
  layer: (setup, handlers) =>
    kinds.fiber.layer({ ...setup, plan: { ...setup.plan, concurrency: setup.plan.concurrency + 1 } }, handlers)
}

const unbounded: Kind = {
  ...kinds.fiber,
  layer: (setup, handlers) => kinds.fiber.layer({ ...setup, plan: { ...setup.plan, capacity: undefined } }, handlers)
}

const uncopied: Kind = { ...kinds.codecs, layer: kinds.fiber.layer }

/** The same wrappers without a fault. */
export const sound: Readonly<Record<string, Kind>> = {
  "verbs behind a wrapper": behind(kinds.fiber, Verbs.seam(() => ({}))),
  "workers behind a wrapper": calling(Workers.Between, {})
}

/** A broken dispatcher, the rule that it breaks, and the number of seeds that suffice to find the fault. */
export interface Found {
  readonly kind: Kind
  readonly rule: RegExp
  readonly within: number
}

/**
 * Broken dispatchers that the simulation finds.
 *
 * Two of the mutants of the laws are missing. The results of simulated tasks are numbers, which a copy cannot alter.
 * No simulated task ends its own worker, so no loss can be attributed to the wrong task.
 */
export const found: Readonly<Record<string, Found>> = {
  "passes by reference and says that it copies": { kind: uncopied, rule: /^(?:outcome):/, within: 50 },
  "drops a task": { kind: calling(Workers.Drops), rule: /^(?:hang|attempt):/, within: 500 },
  "doubles an outcome": { kind: behind(kinds.fiber, Verbs.doubles), rule: /^(?:doubled):/, within: 50 },
  "reorders": { kind: behind(kinds.fiber, Verbs.reorders), rule: /^(?:order):/, within: 50 },
  "drops the tail of a requeued chunk": {
    kind: calling(Workers.DropsTail, { loss: 0 }),
    rule: /^(?:hang):/,
    within: 50
  },
  "swallows a defect": { kind: calling(Workers.SwallowsDefect), rule: /^(?:invented|outcome):/, within: 50 },
  "gives a wrong reason": { kind: calling(Workers.ConfusesReasons), rule: /^(?:outcome):/, within: 50 },
  "ends before finalizers have run": {
    kind: behind(kinds.fiber, Verbs.endsUnfinished),
    rule: /^(?:unfinished):/,
    within: 50
  },
  "ends and stops nothing": { kind: behind(kinds.fiber, Verbs.endsNothing), rule: /^(?:unfinished):/, within: 50 },
  "ends single tasks before their handlers have stopped": {
    kind: behind(kinds.fiber, Verbs.endsRunsEarly),
    rule: /^(?:unfinished):/,
    within: 500
  },
  "leaks a slot": {
    kind: calling(Workers.LeaksSlot, { loss: 0, giveBack: 0, leave: 0 }),
    rule: /^(?:hang):/,
    within: 200
  },
  "runs too many": { kind: tooMany, rule: /^(?:concurrency):/, within: 50 },
  "ignores bufferSize": { kind: behind(kinds.fiber, Verbs.ignoresBufferSize), rule: /^(?:credits):/, within: 100 },
  "loses pushed tasks": { kind: behind(kinds.fiber, Verbs.losesPushes), rule: /^(?:hang):/, within: 50 },
  "mixes executions": { kind: behind(kinds.fiber, Verbs.mixes), rule: /^(?:mixed|outcome):/, within: 50 },
  "serves the oldest first": { kind: behind(kinds.fiber, Verbs.starves), rule: /^(?:idle slot|hang):/, within: 50 },
  "counts all time as idle": {
    kind: behind(kinds.fiber, Verbs.idleWhen(() => true)),
    rule: /^(?:idleTimeout):/,
    within: 200
  },
  "counts a silent source and a slow consumer as idle": {
    kind: behind(kinds.fiber, Verbs.idleWhen((moment) => moment === "settled")),
    rule: /^(?:idleTimeout):/,
    within: 200
  },
  "counts the pause before a retry as idle": {
    kind: behind(kinds.fiber, Verbs.idleWhen((moment) => moment === "failed")),
    rule: /^(?:idleTimeout):/,
    within: 1000
  },
  "never times out": { kind: behind(kinds.fiber, Verbs.neverExpires), rule: /^(?:idleTimeout):/, within: 100 },
  "runs settled mates again": { kind: calling(Workers.RerunsMates, {}), rule: /^(?:attempt):/, within: 50 },
  "counts unclaimed tasks as attempts": {
    kind: calling(Workers.CountsUnclaimed, {}),
    rule: /^(?:attempt):/,
    within: 50
  },
  "accepts a late outcome": {
    kind: calling(Workers.AcceptsLate, {}),
    rule: /^(?:invented|doubled|outcome):/,
    within: 50
  },
  "starts a task that is not idempotent twice": {
    kind: calling(Workers.StartsTwice, {}),
    rule: /^(?:twice|attempt|outcome):/,
    within: 50
  },
  "forgets the tasks of a lost worker": { kind: calling(Workers.ForgetsLoss, {}), rule: /^(?:hang):/, within: 50 },
  "ignores its capacity": { kind: unbounded, rule: /^(?:capacity):/, within: 200 }
}
