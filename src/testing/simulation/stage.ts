/**
 * The connection between a generated program and a dispatcher: it makes the tasks, runs the plans of tasks in their
 * handlers, and reports events to the oracle.
 *
 * Every wait of the program is recorded. When no progress is possible, handlers and sources that hang are released,
 * then the open queues are ended, and after that no wait may remain.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import type { TaskQueue } from "../../Queue.ts"
import * as Task from "../../Task.ts"
import type * as TaskFailure from "../../TaskFailure.ts"
import type { Oracle } from "./oracle.ts"
import type { TaskPlan } from "./program.ts"
import { type Attempt, type AttemptEnd, nameOf, type Outcome, type ProducerState } from "./state.ts"
import { classes, keyOf, misfitOf, Refusal, type SimulatedTask, valueOf } from "./tasks.ts"

type Failure = TaskFailure.TaskFailure<SimulatedTask>

/** An outcome as the oracle reads it. */
const outcomeOf = (result: Result.Result<number, Failure>): Outcome => {
  if (Result.isSuccess(result)) return { tag: "ok", value: result.success }
  const { attempt, reason } = result.failure
  return { tag: reason._tag, attempt, error: reason._tag === "Failed" ? reason.error : undefined }
}

const yields = (times: number): Effect.Effect<void> =>
  times === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, Effect.suspend(() => yields(times - 1)))

const sleep = (millis: number): Effect.Effect<void> => millis === 0 ? Effect.void : Effect.sleep(millis)

/** The state of one run. */
export class Stage {
  readonly oracle: Oracle
  /** Releases the handlers and sources that hang. */
  readonly released = Deferred.makeUnsafe<void>()
  /** Queues that are still open. */
  readonly queues = new Map<ProducerState, TaskQueue<SimulatedTask>>()
  /** Forks an effect that is not part of the program. Set while the program runs. */
  runFork: (effect: Effect.Effect<unknown>) => void = () => {}
  private readonly waits = new Map<
    object,
    { readonly producer: ProducerState; readonly what: "push" | "pop" | "other" }
  >()
  private phase: "running" | "released" | "ended" = "running"
  /** Whether handlers read the attempt from its service, because the starts alone do not determine the attempt. */
  private readonly asksAttempt: boolean

  constructor(oracle: Oracle) {
    this.oracle = oracle
    this.asksAttempt = oracle.promises.loses
  }

  get waitForRelease(): Effect.Effect<void> {
    return Deferred.await(this.released)
  }

  make(producer: ProducerState, plan: TaskPlan): SimulatedTask {
    return new classes[plan.name]({ key: this.oracle.make(producer, plan).key })
  }

  accept(task: SimulatedTask, pushing = false): void {
    const state = this.oracle.tasks[task.key]
    state.pushing = pushing
    this.oracle.accept(state)
  }

  /** Records that a push has succeeded. */
  pushed(task: SimulatedTask): void {
    this.oracle.tasks[task.key].pushing = false
  }

  // --- handlers --------------------------------------------------------------

  /** The handler of every task. */
  readonly handle = ({ key }: SimulatedTask): Effect.Effect<number, Refusal, Dispatcher.Dispatcher> => {
    const state = this.oracle.tasks[key]
    const { plan } = state
    const quick = plan.yields + plan.millis + plan.cleanupYields + plan.cleanupMillis === 0 &&
      plan.children.length === 0 && !plan.hangs
    if (quick && !this.asksAttempt) {
      const attempt = this.oracle.start(state, (state.attempts.at(-1)?.number ?? 0) + 1)
      return this.finish(attempt, true)
    }
    return Effect.acquireUseRelease(
      Effect.map(Task.CurrentAttempt, (number) => this.oracle.start(state, number)),
      (attempt) =>
        yields(plan.yields).pipe(
          Effect.andThen(sleep(plan.millis)),
          Effect.andThen(plan.hangs ? this.waitForRelease : Effect.void),
          Effect.andThen(plan.children.length === 0 ? Effect.void : this.nest(attempt)),
          Effect.andThen(Effect.suspend(() => this.finish(attempt, false)))
        ),
      (attempt) =>
        yields(plan.cleanupYields).pipe(
          Effect.andThen(sleep(plan.cleanupMillis)),
          Effect.andThen(Effect.sync(() => this.oracle.stop(attempt, endOf(attempt))))
        )
    )
  }

  /** Ends the attempt as its plan demands. */
  private finish(attempt: Attempt, quick: boolean): Effect.Effect<number, Refusal> {
    const { number, task: { key, plan } } = attempt
    const fails = number <= plan.failures
    attempt.finished = true
    if (quick) this.oracle.stop(attempt, fails ? plannedEnd(plan) : "success")
    if (!fails) return Effect.succeed(valueOf(key))
    switch (plan.how) {
      case "fail":
        return Effect.fail(new Refusal({ key, attempt: number }))
      case "die":
        return Effect.die(new Error(`task ${key} dies`))
      case "throw":
        throw new Error(`task ${key} throws`)
      case "interrupt":
        return Exit.interrupt()
      case "misfit":
        return Effect.succeed(misfitOf(key))
    }
  }

  /** Runs the children of a task and waits for them. */
  private nest(attempt: Attempt): Effect.Effect<void, never, Dispatcher.Dispatcher> {
    const { children, nest } = attempt.task.plan
    const { oracle } = this
    const nested = Effect.suspend((): Effect.Effect<unknown, unknown, Dispatcher.Dispatcher> => {
      switch (nest) {
        case "runs":
          return Effect.forEach(
            children,
            (plan) => Effect.suspend(() => this.run(oracle.open("run", attempt, {}), plan)),
            { concurrency: "unbounded" }
          )
        case "execute":
        case "ordered": {
          const ordered = nest === "ordered"
          return this.producing(
            oracle.open("execution", attempt, { ordered }),
            (producer) =>
              Dispatcher.results(this.source(producer, children), { ordered }).pipe(
                Stream.runForEach((result) => Effect.sync(() => this.tell(producer, result)))
              )
          )
        }
        case "queue":
          return this.producing(oracle.open("queue", attempt, {}), (producer) =>
            Effect.scoped(
              Effect.gen({ self: this }, function*() {
                const queue = yield* Dispatcher.makeQueue<SimulatedTask>()
                for (const plan of children) {
                  const task = this.make(producer, plan)
                  this.accept(task, true)
                  yield* queue.push(task)
                  this.pushed(task)
                }
                yield* queue.end
                yield* Stream.runForEach(queue.toStream, (result) => Effect.sync(() => this.tell(producer, result)))
              })
            ))
      }
    })
    return Effect.suspend(() => {
      oracle.lend(attempt, true)
      return Effect.exit(nested)
    }).pipe(Effect.andThen(Effect.sync(() => oracle.lend(attempt, false))))
  }

  /** Makes the tasks one by one, on demand. */
  *source(producer: ProducerState, plans: ReadonlyArray<TaskPlan>): Iterable<SimulatedTask> {
    for (const plan of plans) {
      const task = this.make(producer, plan)
      this.accept(task)
      yield task
    }
  }

  tell(producer: ProducerState, { result, task }: Dispatcher.TaskResult<SimulatedTask>): void {
    this.oracle.deliver(producer, task.key, outcomeOf(result))
  }

  /** Reports a value of `execute` or `pop` to the oracle. */
  tellValue(producer: ProducerState, value: number): void {
    this.oracle.deliver(producer, keyOf(value), { tag: "ok", value })
  }

  tellFailure(producer: ProducerState, failure: Failure): void {
    this.oracle.deliver(producer, failure.task.key, outcomeOf(Result.fail(failure)))
  }

  // --- producers -------------------------------------------------------------

  /** Runs one task by itself. */
  run(producer: ProducerState, plan: TaskPlan): Effect.Effect<void, never, Dispatcher.Dispatcher> {
    return this.producing(producer, (producer) => {
      const task = this.make(producer, plan)
      this.accept(task)
      return Effect.map(Effect.result(Dispatcher.run(task)), (result) => {
        if (Result.isSuccess(result)) {
          this.tellValue(producer, result.success)
          return "done"
        }
        if (result.failure._tag === "DispatcherClosed") return result.failure._tag
        this.tellFailure(producer, result.failure)
        return "done"
      })
    })
  }

  /** Reports the end of a producer to the oracle, and records the wait for the producer. */
  producing<E, R>(
    producer: ProducerState,
    use: (producer: ProducerState) => Effect.Effect<unknown, E, R>
  ): Effect.Effect<void, E, R> {
    return this.waiting(producer, "other", Effect.suspend(() => use(producer))).pipe(
      Effect.onExit((exit) => Effect.sync(() => this.oracle.end(producer, endingOf(exit)))),
      Effect.asVoid
    )
  }

  /** Records a wait of the program. */
  waiting<A, E, R>(
    producer: ProducerState,
    what: "push" | "pop" | "other",
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    const wait = {}
    const begun = Effect.suspend(() => {
      this.waits.set(wait, { producer, what })
      return effect
    })
    return Effect.onExit(begun, () => Effect.sync(() => this.waits.delete(wait)))
  }

  // --- when nothing can happen -----------------------------------------------

  /** Makes progress possible when nothing is ready; returns `false` if that is not possible. */
  readonly onQuiet = (): boolean => {
    const { oracle } = this
    oracle.checkAtRest()
    if (this.phase === "running") {
      this.phase = "released"
      oracle.note("nothing can happen: what hangs is released")
      this.runFork(Deferred.succeed(this.released, undefined))
      return true
    }
    if (this.phase === "released") {
      this.phase = "ended"
      for (const { producer, what } of this.waits.values()) {
        if (what === "other" && this.queues.has(producer)) continue
        const legitimate = this.queues.has(producer) && this.mayWait(producer, what)
        if (!legitimate) oracle.violate("hang", `${nameOf(producer)} waits for a ${what} without end`)
      }
      oracle.note("nothing can happen: open queues are ended")
      if (this.queues.size === 0) return false
      for (const [producer, queue] of this.queues) {
        producer.finishing = true
        this.runFork(queue.end)
      }
      return true
    }
    for (const { producer, what } of this.waits.values()) {
      oracle.violate("hang", `${nameOf(producer)} waits for ${what === "other" ? "its end" : `a ${what}`} without end`)
    }
    return false
  }

  /** Whether a caller may wait on an open queue after all tasks have ended. */
  private mayWait(producer: ProducerState, what: "push" | "pop" | "other"): boolean {
    const others = Array.from(this.waits.values()).filter((wait) => wait.producer === producer)
    if (what === "push") return !others.some((wait) => wait.what === "pop")
    return producer.tasks.every((task) => task.pushing || task.outcome !== undefined)
  }
}

const plannedEnd = ({ how }: TaskPlan): AttemptEnd => how === "throw" ? "die" : how

const endOf = ({ finished, number, task: { plan } }: Attempt): AttemptEnd => {
  if (!finished) return "cut"
  return number <= plan.failures ? plannedEnd(plan) : "success"
}

/** How a producer ended, in a word. */
const endingOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return typeof exit.value === "string" ? exit.value : "done"
  const [reason] = exit.cause.reasons
  if (reason._tag === "Interrupt") return "interrupted"
  const error: unknown = reason._tag === "Fail" ? reason.error : reason.defect
  if (error instanceof Error && "_tag" in error) return String(error._tag)
  return error instanceof Error ? `died: ${error.message}` : String(error)
}
