/** Runs the queue of a generated program, with the fibers that push to it and pop from it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import { interruptedAt, predicateDefect, producerOptions, until } from "./actorOptions.ts"
import type { QueuePlan } from "./program.ts"
import type { Stage } from "./stage.ts"
import { nameOf } from "./state.ts"
import type { SimulatedTask } from "./tasks.ts"

export const queue = (stage: Stage, plan: QueuePlan): Effect.Effect<void, never, Dispatcher.Dispatcher> => {
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
    // A defect of the policy ends the queue with that defect, for all pushes and pops.
    Effect.catchDefect((defect) => defect === predicateDefect ? Effect.void : Effect.die(defect))
  )
}
