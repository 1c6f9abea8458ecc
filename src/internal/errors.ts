/** The errors of a dispatcher and its queues, beside the failures of tasks. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** A wait took longer than its bound: for a completed task, for room for a push, or for a result to pop. */
export class DispatchTimeout extends Schema.TaggedError<DispatchTimeout>("papyros/DispatchTimeout")("DispatchTimeout", {
  operation: Schema.Literals(["execute", "push", "pop"]),
  duration: Schema.DurationFromMillis
}) {
  override get message(): string {
    const bound = Duration.format(this.duration)
    switch (this.operation) {
      case "execute":
        return `No task completed within ${bound} while one was running or could start. Raise idleTimeout, or bound single tasks with taskTimeout.`
      case "push":
        return `The queue or its dispatcher had no room within ${bound}. Pop results, raise the capacity, or wait longer.`
      case "pop":
        return `No result was ready within ${bound}.`
    }
  }
}

/** The dispatcher's scope has ended: nothing can be executed on it any more. */
export class DispatcherClosed
  extends Schema.TaggedError<DispatcherClosed>("papyros/DispatcherClosed")("DispatcherClosed", {})
{
  override get message(): string {
    return "The dispatcher is closed: its Layer's scope has ended."
  }
}

/** The queue was ended or closed. */
export class QueueClosed extends Schema.TaggedError<QueueClosed>("papyros/QueueClosed")("QueueClosed", {}) {
  override get message(): string {
    return "The queue is closed, or it was ended and every result has been popped."
  }
}
