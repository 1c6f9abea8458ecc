/**
 * The producer of one single run.
 *
 * Must stay true: its one entry is handed out once, and its caller is resumed
 * once: with the outcome, or with `DispatcherClosed`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { TaskFailure } from "../../TaskFailure.ts"
import { DispatcherClosed } from "../errors.ts"
import {
  callerSpan,
  type ParentTask,
  type Producer,
  type SchedulerHandle,
  type Subscription,
  TaskEntry,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import { assertTask } from "./assertTask.ts"
import { awaitNested, parentIn } from "./nesting.ts"

class SingleTask implements Producer {
  readonly pushed = false
  readonly chunkSize = undefined
  readonly parent: ParentTask | undefined
  subscription: Subscription | undefined
  private entry: TaskEntry | undefined
  /** Resumes the caller, once: afterwards nothing of the caller is retained, though the chunk of the task may be. */
  private resume: ((effect: Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed>) => void) | undefined

  constructor(
    task: Task.Any,
    span: Tracer.AnySpan | undefined,
    parent: ParentTask | undefined,
    resume: (effect: Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed>) => void
  ) {
    this.parent = parent
    this.resume = resume
    this.entry = new TaskEntry(task, 0, taskTimeoutOf(task, undefined), span)
  }

  next(): TaskEntry | undefined {
    const entry = this.entry
    this.entry = undefined
    return entry
  }

  settled(entry: TaskEntry): void {
    const outcome = entry.failure === undefined ? Effect.succeed(entry.value) : Effect.fail(entry.failure)
    entry.delivered()
    this.finish(outcome)
  }

  onCapacity(): void {}

  closed(): void {
    this.finish(Effect.fail(new DispatcherClosed()))
  }

  private finish(outcome: Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed>): void {
    const { resume } = this
    this.resume = undefined
    this.subscription!.end(noop)
    resume?.(outcome)
  }
}

const noop = () => {}

/** Runs one task. */
export const runSingle = (
  scheduler: SchedulerHandle,
  task: Task.Any
): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed> =>
  Effect.contextWith((context: Context.Context<never>) => {
    assertTask("run", task)
    const parent = parentIn(context, scheduler)
    return awaitNested(parent, (resume) => {
      const single = new SingleTask(task, callerSpan(context), parent, resume)
      const subscription = single.subscription = scheduler.subscribe(single)
      if (subscription === undefined) {
        resume(Effect.fail(new DispatcherClosed()))
        return undefined
      }
      subscription.ready()
      return Effect.callback<void>((done) => subscription.end(() => done(Effect.void)))
    })
  })
