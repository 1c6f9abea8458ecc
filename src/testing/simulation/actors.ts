/**
 * Runs a generated program on the dispatcher in context: its executions, queues and single runs side
 * by side, and the end of the dispatcher's scope, which may come while they run.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { interruptedAt, producerOptions, until } from "./actorOptions.ts"
import type { ActorPlan, ExecutionPlan, ProgramPlan, RunPlan } from "./program.ts"
import { queue } from "./queueActor.ts"
import type { Stage } from "./stage.ts"
import { nameOf, type ProducerState } from "./state.ts"
import type { SimulatedTask } from "./tasks.ts"

// ----------------------------------------------------------------------------
// Executions
// ----------------------------------------------------------------------------

class SourceFailed extends Schema.TaggedError<SourceFailed>("papyros/testing/SourceFailed")("source failed", {}) {}

const sourceDefect = new Error("of the source")

const makeSource = (
  stage: Stage,
  producer: ProducerState,
  plan: ExecutionPlan
): Iterable<SimulatedTask> | Stream.Stream<SimulatedTask, SourceFailed> => {
  const notATask = { _tag: "not a task" } as unknown as SimulatedTask
  if (plan.source === "endless") {
    return (function*() {
      for (;;) yield* stage.source(producer, plan.tasks)
    })()
  }
  if (plan.source === "iterable" && plan.ending !== "fail" && plan.ending !== "silence") {
    return (function*() {
      yield* stage.source(producer, plan.tasks)
      if (plan.ending === "die") throw sourceDefect
      if (plan.ending !== "notATask") return
      producer.spoiled = true
      yield notATask
      stage.oracle.violate("source", `${nameOf(producer)} pulled on after something that is not a task`)
    })()
  }
  const ends = {
    done: Stream.empty,
    fail: Stream.fail(new SourceFailed()),
    die: Stream.die(sourceDefect),
    silence: Stream.fromEffectDrain(Effect.andThen(stage.waitForRelease, Effect.void)),
    notATask: Stream.sync(() => {
      producer.spoiled = true
      return notATask
    })
  }
  const slow = plan.source === "slow"
  const plans = Stream.rechunk(Stream.fromIterable(plan.tasks), slow ? 1 : plan.arraySize)
  // A task is handed over only after the pause: until then the dispatcher does not know the task.
  const paced = slow ? Stream.tap(plans, () => Effect.sleep(Duration.millis(10 * plan.arraySize))) : plans
  const tasks = Stream.mapArray(paced, (plans) => Array.from(stage.source(producer, plans)) as never) as Stream.Stream<
    SimulatedTask
  >
  return Stream.concat(tasks, ends[plan.ending])
}

const execution = (stage: Stage, plan: ExecutionPlan): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.suspend(() => {
    const iterable = plan.source === "endless" ||
      (plan.source === "iterable" && plan.ending !== "fail" && plan.ending !== "silence")
    const producer = stage.oracle.open("execution", undefined, {
      ...plan,
      arraySize: iterable ? undefined : plan.source === "slow" ? 1 : Math.max(plan.arraySize, plan.tasks.length)
    })
    const options = {
      ...producerOptions(stage, plan),
      ordered: plan.ordered,
      bufferSize: plan.bufferSize,
      ...(plan.idleTimeout === undefined ? {} : { idleTimeout: Duration.millis(plan.idleTimeout) })
    }
    const source = makeSource(stage, producer, plan) as Iterable<SimulatedTask>
    const consume = <A>(told: (result: A) => void) => (result: A) =>
      Effect.suspend(() => {
        producer.waiting = false
        told(result)
        return Effect.sleep(Duration.millis(plan.pause))
      }).pipe(
        Effect.andThen(Effect.sync(() => {
          producer.taken++
          producer.waiting = true
        }))
      )
    const taking = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
      plan.take === undefined ? stream : Stream.take(stream, plan.take)
    const stream = plan.verb === "results"
      ? taking(Dispatcher.results(source, options)).pipe(
        Stream.runForEach(consume((result) => stage.tell(producer, result)))
      )
      : taking(Dispatcher.execute(source, options)).pipe(
        Stream.runForEach(consume((value) => stage.tellValue(producer, value))),
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error._tag === "TaskFailure") stage.tellFailure(producer, error)
          })
        )
      )
    return interruptedAt(
      plan.interruptAt,
      stage.producing(
        producer,
        () => Effect.map(stream, () => plan.take !== undefined && producer.delivered === plan.take ? "taken" : "done")
      ),
      () => {
        producer.stopping = true
      }
    )
  })

// ----------------------------------------------------------------------------
// Runs
// ----------------------------------------------------------------------------

const single = (stage: Stage, { interruptAt, task }: RunPlan): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  Effect.suspend(() => {
    const producer = stage.oracle.open("run", undefined, {})
    return interruptedAt(interruptAt, stage.run(producer, task), () => {
      producer.stopping = true
    })
  })

// ----------------------------------------------------------------------------
// Programs
// ----------------------------------------------------------------------------

const actor = (stage: Stage, plan: ActorPlan) =>
  Effect.andThen(
    until(plan.at),
    Effect.suspend(() => {
      switch (plan.kind) {
        case "execution":
          return execution(stage, plan)
        case "queue":
          return queue(stage, plan)
        case "run":
          return single(stage, plan)
      }
    })
  )

/** Runs a program on a dispatcher, which it opens and closes. */
export const perform = (
  stage: Stage,
  plan: ProgramPlan,
  layer: Layer.Layer<Dispatcher.Dispatcher>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { oracle } = stage
    stage.runFork = Effect.runForkWith(yield* Effect.context<never>())
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithMemoMap(layer, Layer.makeMemoMapUnsafe(), scope)
    const close = Effect.suspend(() => {
      oracle.closing = true
      oracle.note("the dispatcher closes")
      return Effect.andThen(Scope.close(scope, Exit.void), Effect.sync(() => oracle.closeAll()))
    })
    const actors = yield* Effect.forkChild(
      Effect.provideContext(
        Effect.forEach(plan.actors, (plan) => actor(stage, plan), { concurrency: "unbounded" }),
        context
      )
    )
    const closing = plan.closeAt === undefined
      ? undefined
      : yield* Effect.forkChild(Effect.andThen(until(plan.closeAt), close))
    const exit = yield* Fiber.await(actors)
    if (Exit.isFailure(exit)) oracle.violate("program", String(exit.cause))
    if (closing !== undefined) yield* Fiber.join(closing)
    const { executions, running, waiting } = yield* Effect.provideContext(Dispatcher.status, context)
    if (executions + running + waiting > oracle.stillRunning) {
      oracle.violate("status", `at the end ${executions} producers, ${running} running and ${waiting} waiting tasks`)
    }
    if (closing === undefined) yield* close
  })
