/**
 * The span of one execution. It is the parent of the spans of its tasks, counts the tasks, and has an event for each
 * failed task that has no span of its own.
 *
 * Must stay true: it exists only if the caller is sampled, and keeps no task. It is ended once, whatever ends the
 * execution.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { TaskEntry } from "../scheduler/producer.ts"

/** The largest number of events of a span. */
const MAX_EVENTS = 100

/** Characters of a trace in an event. */
const MAX_TRACE = 2048

export class ExecutionTrace {
  readonly span: Tracer.Span
  private readonly clock: Clock.Clock
  private tasks = 0
  private failed = 0
  private retried = 0
  private omitted = 0
  private events = 0
  /** How the execution ends, if it is not interrupted. */
  private exit: Exit.Exit<unknown, unknown> = Exit.void

  constructor(span: Tracer.Span, clock: Clock.Clock) {
    this.span = span
    this.clock = clock
  }

  /** A task is tried again. */
  retries(): void {
    this.retried++
  }

  /** A task has its outcome. */
  settled(entry: TaskEntry): void {
    this.tasks++
    const isOmitted = entry.attempt > 0 && entry.span?.sampled === false
    if (isOmitted) this.omitted++
    const { failure } = entry
    if (failure === undefined) return
    this.failed++
    if (!(isOmitted || entry.attempt === 0 || WITHOUT_SPAN.has(failure.reason._tag)) || this.events === MAX_EVENTS) {
      return
    }
    this.events++
    this.span.event("exception", this.clock.currentTimeNanosUnsafe(), {
      "exception.type": failure.reason._tag,
      "exception.message": failure.message,
      "exception.stacktrace": failure.trace.slice(0, MAX_TRACE),
      "papyros.task": entry.name,
      "papyros.task.index": entry.index
    })
  }

  /** The stream fails. */
  fails(cause: Cause.Cause<unknown>): void {
    this.exit = Exit.failCause(cause)
  }

  /** `exit`: how the scope of the stream ended. */
  end(exit: Exit.Exit<unknown, unknown>): void {
    const attributes = {
      "papyros.tasks": this.tasks,
      "papyros.tasks.failed": this.failed,
      "papyros.tasks.retried": this.retried,
      "papyros.spans.omitted": this.omitted
    }
    for (const [key, value] of Object.entries(attributes)) this.span.attribute(key, value)
    const isInterrupted = exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause)
    this.span.end(this.clock.currentTimeNanosUnsafe(), isInterrupted ? exit : this.exit)
  }
}

/** Reasons of failures before a handler ran, and of those that end the thread which had the span. */
const WITHOUT_SPAN: ReadonlySet<string> = new Set(["NoWorker", "Undecodable", "UnknownTask", "WorkerLost"])

/**
 * Begins the span of an execution; none unless the caller's span is sampled. It ends with the scope, after the finalizers
 * that are added later, so that its work has stopped.
 */
export const begin = (
  parent: Tracer.AnySpan | undefined,
  scope: Scope.Scope
): Effect.Effect<ExecutionTrace | undefined> => parent?.sampled === true ? beginWithin(parent, scope) : Effect.undefined

const beginWithin = Effect.fnUntraced(function*(parent: Tracer.AnySpan, scope: Scope.Scope) {
  const span = yield* Effect.makeSpan("papyros.execute", { parent })
  if (!span.sampled) return undefined
  const trace = new ExecutionTrace(span, yield* Clock.Clock)
  yield* Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => trace.end(exit)))
  return trace
}, Effect.uninterruptible)
