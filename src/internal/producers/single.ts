import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { TaskFailure } from "../../TaskFailure.ts"
import { DispatcherClosed } from "../errors.ts"
import {
  callerSpan,
  Entry,
  type Hub,
  type Link,
  type Origin,
  type Parent,
  taskTimeoutOf
} from "../scheduler/producer.ts"
import type * as Task from "../task.ts"
import { parentIn, waitFor } from "./nesting.ts"

/** The origin of one single task. */
class Run implements Origin {
  readonly pushed = false
  readonly chunkSize = undefined
  readonly span: Tracer.AnySpan | undefined
  readonly parent: Parent | undefined
  link: Link | undefined
  private entry: Entry | undefined
  private readonly resume: (effect: Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed>) => void

  constructor(
    task: Task.Any,
    span: Tracer.AnySpan | undefined,
    parent: Parent | undefined,
    resume: (effect: Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed>) => void
  ) {
    this.span = span
    this.parent = parent
    this.resume = resume
    this.entry = new Entry(task, 0, taskTimeoutOf(task, undefined))
  }

  next(): Entry | undefined {
    const entry = this.entry
    this.entry = undefined
    return entry
  }

  settled(entry: Entry): void {
    this.link!.end(noop)
    this.resume(entry.failure === undefined ? Effect.succeed(entry.value) : Effect.fail(entry.failure))
  }

  roomy(): void {}

  closed(): void {
    this.link!.end(noop)
    this.resume(Effect.fail(new DispatcherClosed()))
  }
}

const noop = () => {}

/** Runs one task. */
export const run = (
  hub: Hub,
  task: Task.Any
): Effect.Effect<unknown, TaskFailure<Task.Any> | DispatcherClosed> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const parent = parentIn(context, hub)
    return waitFor(parent, (resume) => {
      const run = new Run(task, callerSpan(context), parent, resume)
      const link = run.link = hub.attach(run)
      if (link === undefined) {
        resume(Effect.fail(new DispatcherClosed()))
        return undefined
      }
      link.ready()
      return Effect.callback<void>((done) => link.end(() => done(Effect.void)))
    })
  })
