/**
 * Runs a program of the user by seed: the same Effect under many schedules and many faults of
 * workers, each determined by a number.
 *
 * It is for the tests of a program that must survive lost workers, timeouts and any order of events. Time is virtual,
 * so an hour of sleep costs nothing, and a program that waits for files, sockets or timers of the platform counts as
 * a program that hangs.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Dispatcher } from "../../Dispatcher.ts"
import type * as Executor from "../../Executor.ts"
import type * as Task from "../../Task.ts"
import * as TaskGroup from "../../TaskGroup.ts"
import { type Faults, scripted } from "../faultInjection.ts"
import { runWorld, World } from "./world.ts"

/**
 * The options of `simulate`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface SimulateOptions<T extends Task.Any> extends Executor.DispatcherOptions {
  /** The tasks that the program runs. */
  readonly tasks: TaskGroup.TaskGroup<T>
  /** The handlers of the tasks, which run in this process and must not wait for other tasks. */
  readonly handlers: Layer.Layer<TaskGroup.Handler<T["_tag"]>>
  /** The number of seeds, from 0, or the seeds themselves. Default 100. */
  readonly seeds?: number | Iterable<number> | undefined
  /** The probability of each fault of a worker, from 0 to 1. Default: 0.1 to 0.5, by fault. */
  readonly faults?: Partial<Faults> | undefined
  /** The number of workers. Default 3. */
  readonly workers?: number | undefined
  /** Tasks that a worker runs at once. Default 2. */
  readonly concurrency?: number | undefined
  /** The most turns of the scheduler that one run may take. Default 100,000. */
  readonly maxTurns?: number | undefined
}

/**
 * The program fails, dies or hangs under a seed.
 *
 * @stability unstable
 * @category errors
 * @since 0.1.0
 */
export class SimulationFailed extends Schema.TaggedError<SimulationFailed>("papyros/testing/SimulationFailed")(
  "SimulationFailed",
  {
    seed: Schema.Int,
    message: Schema.String,
    /** The events of workers, one line each, with the virtual time in milliseconds. */
    history: Schema.Array(Schema.String)
  }
) {}

/** Runs an item by the handler that its Layer provides. */
const handlersOf = (context: Context.Context<never>) => (item: Executor.Item) => {
  const entry = context.mapUnsafe.get(TaskGroup.handlerKey(item.name)) as TaskGroup.HandlerEntry | undefined
  if (entry === undefined) return Effect.die(new Error(`No handler of ${item.name} was given to simulate`))
  return Effect.updateContext(
    Effect.suspend(() => entry.handle(item.payload as never)),
    (caller: Context.Context<never>) => Context.merge(entry.context, caller)
  )
}

/**
 * Runs a program once for each seed, on a dispatcher whose workers delay reports, report twice and are lost,
 * under a schedule and a clock that the seed determines. Fails with the first seed under which the
 * program fails, dies or hangs.
 *
 * **When to use**
 *
 * Use it in a test: assert the expected results inside the program. To replay a failure, give its seed
 * alone: `seeds: [1234]`.
 *
 * **Details**
 *
 * A run has its own dispatcher and its own scope. `Clock`, `Random` and the scheduler of fibers are
 * the seed's; time moves to the next sleep when nothing else can happen.
 *
 * **Gotchas**
 *
 * A program must take its randomness from Effect's `Random` and its time from `Clock`, or a seed does
 * not replay. A task that is not idempotent may end with `WorkerLost`; set `faults: { loss: 0 }` to
 * keep all workers.
 *
 * **Example** (Testing that each task is counted once)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 * import * as Dispatcher from "papyros/Dispatcher"
 * import * as Task from "papyros/Task"
 * import * as TaskGroup from "papyros/TaskGroup"
 * import { simulate } from "papyros/testing"
 *
 * class Double extends Task.Class<Double>()("Double", { payload: { n: Schema.Int }, success: Schema.Int }) {}
 *
 * const Tasks = TaskGroup.make(Double)
 *
 * const program = Effect.gen(function*() {
 *   const tasks = [1, 2, 3, 4].map((n) => new Double({ n }))
 *   const sum = yield* Stream.runFold(Dispatcher.execute(tasks), () => 0, (sum, n) => sum + n)
 *   if (sum !== 20) return yield* Effect.die(`the sum is ${sum}`)
 * })
 *
 * const test = simulate(program, {
 *   tasks: Tasks,
 *   handlers: Tasks.toLayer({ Double: ({ n }) => Effect.as(Effect.sleep("1 hour"), 2 * n) }),
 *   seeds: 200
 * })
 *
 * await Effect.runPromise(test)
 * console.log("200 seeds") // 200 seeds
 * ```
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export const simulate = <A, E, T extends Task.Any>(
  program: Effect.Effect<A, E, Dispatcher | Scope.Scope>,
  options: SimulateOptions<T>
): Effect.Effect<void, SimulationFailed> => {
  const { seeds = 100 } = options
  const list = typeof seeds === "number" ? Array.from({ length: seeds }, (_, seed) => seed) : seeds
  return Effect.forEach(list, (seed) => simulateSeed(program, seed, options), { discard: true })
}

const simulateSeed = <A, E, T extends Task.Any>(
  program: Effect.Effect<A, E, Dispatcher | Scope.Scope>,
  seed: number,
  options: SimulateOptions<T>
): Effect.Effect<void, SimulationFailed> =>
  Effect.suspend(() => {
    const history: Array<string> = []
    const world = new World(seed, { maxTurns: options.maxTurns })
    const layer = Layer.unwrap(Effect.map(
      Effect.context<TaskGroup.Handler<T["_tag"]>>(),
      (context) =>
        scripted(options.tasks, {
          capacity: options.capacity,
          maxWorkerLosses: options.maxWorkerLosses,
          concurrency: options.concurrency,
          faults: options.faults,
          workers: options.workers,
          seed,
          run: handlersOf(context as Context.Context<never>),
          observe: (event) => {
            const attempt = event._tag === "Started" ? ` attempt ${event.attempt} of a task` : ""
            if ("worker" in event) history.push(`${world.now} ${event.worker}: ${event._tag.toLowerCase()}${attempt}`)
          }
        })
    )).pipe(Layer.provide(options.handlers))
    const failed = (message: string) => Effect.fail(new SimulationFailed({ seed, message, history }))
    return Effect.flatMap(runWorld(Effect.scoped(Effect.provide(program, layer, { local: true })), world), (run) => {
      if (run.thrown.length > 0) return failed(`a callback threw ${String(run.thrown[0])}`)
      if (run.endless) return failed(`does not end within ${run.turns} turns`)
      if (run.exit === undefined) return failed(`waits without end since ${run.millis} ms of virtual time`)
      return run.exit._tag === "Success" ? Effect.void : failed(Cause.pretty(run.exit.cause))
    })
  })
