/**
 * Runs a generated program on the dispatcher in context: its executions, queues and single runs side
 * by side, and the end of the dispatcher's scope, which may come while they run.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import type * as TaskFailure from "../../TaskFailure.ts"
import type { ActorPlan, ExecutionPlan, ProgramPlan, QueuePlan, RetryPlan, RunPlan } from "./program.ts"
import type { Stage } from "./stage.ts"
import { nameOf, type ProducerState } from "./state.ts"
import type { SimulatedTask } from "./tasks.ts"

class SourceFailed extends Schema.TaggedError<SourceFailed>("papyros/testing/SourceFailed")("source failed", {}) {}

const sourceDefect = new Error("of the source")
const predicateDefect = new Error("of the retry predicate")

type Failure = TaskFailure.TaskFailure<SimulatedTask>

const toRetry = (stage: Stage, { kind, millis, times }: RetryPlan): Dispatcher.RetryPolicy<SimulatedTask> => {
  const is = (tag: string) => ({ reason }: Failure) => {
    stage.oracle.asked(reason._tag)
    return reason._tag === tag
  }
  switch (kind) {
    case "times":
      return { times }
    case "spaced":
      return { times, schedule: Schedule.spaced(Duration.millis(millis)) }
    case "exponential":
      return Schedule.max([Schedule.exponential(Duration.millis(millis)), Schedule.recurs(times)])
    case "while":
      return { times, while: is("Failed") }
    case "whileEffect":
      return { times, while: (failure) => Effect.as(Effect.yieldNow, is("Failed")(failure)) }
    case "until":
      return { times, until: is("Defect") }
    case "defect":
      return {
        while: () => {
          throw predicateDefect
        }
      }
  }
}

const producerOptions = (
  stage: Stage,
  { chunkSize, retry, taskTimeout }: Pick<QueuePlan, "chunkSize" | "retry" | "taskTimeout">
) => ({
  chunkSize,
  ...(retry === undefined ? {} : { retry: toRetry(stage, retry) }),
  ...(taskTimeout === undefined ? {} : { taskTimeout: Duration.millis(taskTimeout) })
})

const until = (at: number): Effect.Effect<void> =>
  Effect.flatMap(Effect.clockWith((clock) => clock.currentTimeMillis), (now) => Effect.sleep(Duration.millis(at - now)))

/** Runs an effect, interrupts it at the given time, if any, and waits until it has stopped. */
const interruptedAt = <A, E, R>(
  at: number | undefined,
  effect: Effect.Effect<A, E, R>,
  stopping: () => void = () => {}
): Effect.Effect<void, never, R> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    const killer = at === undefined ? undefined : yield* Effect.forkChild(
      Effect.andThen(
        until(at),
        Effect.suspend(() => {
          stopping()
          return Fiber.interrupt(fiber)
        })
      )
    )
    yield* Fiber.await(fiber)
    if (killer !== undefined) yield* Fiber.interrupt(killer)
  })

// ----------------------------------------------------------------------------
// Executions
// ----------------------------------------------------------------------------

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
// Queues and runs
// ----------------------------------------------------------------------------

const queue = (stage: Stage, plan: QueuePlan): Effect.Effect<void, never, Dispatcher.Dispatcher> => {
  const { oracle } = stage
  const producer = oracle.open("queue", undefined, plan)
  const within = (timeout: number | undefined) => timeout === undefined ? {} : { timeout: Duration.millis(timeout) }
  const closedFailure = (what: "push" | "pop", tag: string) => {
    producer.drained ||= what === "pop" && tag === "QueueClosed"
    if (tag === "QueueClosed" && !producer.finishing) oracle.violate("ending", `${nameOf(producer)} is closed early`)
    if (tag === "DispatcherClosed" && !oracle.closing) oracle.violate("ending", `the dispatcher is closed early`)
    oracle.note(`${nameOf(producer)} says ${tag}`)
  }
  /** Makes one call; returns whether another call makes sense. */
  const timed = <A, E extends { readonly _tag: string }>(
    what: "push" | "pop",
    timeout: number | undefined,
    effect: Effect.Effect<A, E>,
    told: (exit: Result.Result<A, E>) => boolean
  ) =>
    Effect.suspend(() => {
      const since = oracle.now
      return Effect.map(stage.waiting(producer, what, Effect.result(effect)), (result) => {
        const elapsed = oracle.now - since
        const late = timeout !== undefined && elapsed > timeout
        const early = Result.isFailure(result) && result.failure._tag === "DispatchTimeout" && elapsed !== timeout
        if (late || early) oracle.violate("timeout", `a ${what} of at most ${timeout} ms took ${elapsed} ms`)
        return told(result)
      })
    })
  return Effect.scoped(Effect.gen(function*() {
    const queue = yield* Dispatcher.makeQueue<SimulatedTask>({
      ...producerOptions(stage, plan),
      ...(plan.capacity === undefined ? {} : { capacity: plan.capacity })
    })
    stage.queues.set(producer, queue)
    /** Whether `end` or `close` has completed. */
    let over = false
    const finish = (how: "end" | "close") =>
      Effect.suspend(() => {
        producer.finishing = true
        producer.stopping ||= how === "close"
        stage.queues.delete(producer)
        oracle.note(`${nameOf(producer)} gets ${how}`)
        return Effect.andThen(
          how === "end" ? queue.end : queue.close,
          Effect.sync(() => {
            over = true
            if (how === "close") oracle.closedQueue(producer)
          })
        )
      })
    const push = (pusher: QueuePlan["pushers"][number]) =>
      Effect.gen(function*() {
        yield* until(pusher.at)
        for (const taskPlan of pusher.tasks) {
          const task = stage.make(producer, taskPlan)
          const late = over
          stage.accept(task, true)
          const goesOn = yield* timed("push", pusher.timeout, queue.push(task, within(pusher.timeout)), (result) => {
            if (Result.isSuccess(result)) {
              stage.pushed(task)
              if (late) oracle.violate("ending", `${nameOf(producer)} took task ${task.key} after its end`)
              return true
            }
            oracle.refuse(oracle.tasks[task.key])
            if (result.failure._tag === "DispatchTimeout") return true
            closedFailure("push", result.failure._tag)
            return false
          })
          if (!goesOn) return
          yield* Effect.sleep(Duration.millis(pusher.gap))
        }
      })
    const pop = (popper: QueuePlan["poppers"][number]) => {
      const one = timed("pop", popper.timeout, queue.pop(within(popper.timeout)), (result) => {
        if (Result.isSuccess(result)) stage.tellValue(producer, result.success)
        else if (result.failure._tag === "TaskFailure") stage.tellFailure(producer, result.failure)
        else if (result.failure._tag !== "DispatchTimeout") {
          closedFailure("pop", result.failure._tag)
          return false
        }
        return true
      })
      const many = timed(
        "pop",
        popper.timeout,
        queue.popMany({ ...within(popper.timeout), max: popper.max }),
        (result) => {
          if (Result.isFailure(result)) {
            closedFailure("pop", result.failure._tag)
            return false
          }
          for (const each of result.success) stage.tell(producer, each)
          if (result.success.length > (popper.max ?? Infinity)) {
            oracle.violate("popMany", `${result.success.length} results, at most ${popper.max} were asked for`)
          }
          return true
        }
      )
      const calls = Effect.gen(function*() {
        yield* until(popper.at)
        if (popper.how === "toStream") {
          yield* stage.waiting(
            producer,
            "pop",
            queue.toStream.pipe(
              Stream.take(popper.calls),
              Stream.runForEach((result) => Effect.sync(() => stage.tell(producer, result))),
              Effect.catchTag("DispatcherClosed", ({ _tag }) => Effect.sync(() => closedFailure("pop", _tag)))
            )
          )
          return
        }
        for (let call = 0; call < popper.calls; call++) {
          if (!(yield* popper.how === "pop" ? one : many)) return
          yield* Effect.sleep(Duration.millis(popper.gap))
        }
      })
      return interruptedAt(popper.interruptAt, calls)
    }
    const pushing = Effect.forEach(plan.pushers, push, { concurrency: "unbounded" })
    const finishing = plan.finish === "pushed"
      ? Effect.andThen(pushing, finish("end"))
      : plan.finish === "open"
      ? pushing
      : Effect.all([pushing, Effect.andThen(until(plan.finishAt), finish(plan.finish))], { concurrency: "unbounded" })
    yield* Effect.all([finishing, Effect.forEach(plan.poppers, pop, { concurrency: "unbounded" })], {
      concurrency: "unbounded"
    })
    const { ready } = yield* queue.size
    oracle.emptied(producer, ready, plan.poppers.some(({ interruptAt }) => interruptAt !== undefined))
    stage.queues.delete(producer)
    producer.finishing = producer.stopping = true
  })).pipe(
    (effect) => stage.producing(producer, () => effect),
    Effect.catchTag("DispatcherClosed", ({ _tag }) => Effect.sync(() => closedFailure("pop", _tag))),
    // A defect of the policy ends the queue with it, for all who push and pop.
    Effect.catchDefect((defect) => defect === predicateDefect ? Effect.void : Effect.die(defect))
  )
}

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
