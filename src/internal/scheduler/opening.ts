/**
 * Makes the scheduler of an executor, and opens the executor.
 *
 * Must stay true: when the scope closes, the scheduler is closed before the executor.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as EffectScheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import type * as Task from "../task.ts"
import { Timers } from "../timers.ts"
import type * as Contract from "./contract.ts"
import { Scheduler, type SchedulerOptions } from "./scheduler.ts"
import { SpansPerSecond } from "./spanLimit.ts"

/** Makes the scheduler of an executor, to be opened by `openExecutor`. */
export const makeScheduler = (
  tasks: ReadonlyMap<string, Task.AnyClass>,
  executor: Contract.ExecutorSettings,
  options: SchedulerOptions
): Effect.Effect<Scheduler> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const clock = yield* Clock.Clock
    const timers = new Timers(clock, Effect.runForkWith(context))
    const eventLoop = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
    // The clients of a relay have bounded their spans.
    const spansPerSecond = options.relays === true ? Infinity : Context.get(context, SpansPerSecond)
    return new Scheduler(tasks, executor, { ...options, spansPerSecond }, timers, (f) => eventLoop.scheduleTask(f, 0))
  })

/** Opens an executor. When the scope closes, the scheduler is closed first, then the executor. */
export const openExecutor = <E, R>(
  scheduler: Scheduler,
  open: (scheduler: Contract.Scheduler) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R | Scope.Scope> =>
  Effect.andThen(
    Effect.suspend(() => open(scheduler as unknown as Contract.Scheduler)),
    Effect.addFinalizer(() => scheduler.close)
  )
