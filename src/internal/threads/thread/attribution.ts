/**
 * Finds the task whose asynchronous work throws outside of every handler: every task enters a mark, which its callbacks, timers and promises inherit.
 *
 * Entering a mark costs as much as a trivial task, so tasks of types that have always ended at once share one mark
 * within a turn of the event loop. A task that suspends under a shared mark keeps it; if others had ended under the
 * mark before, a later error may be theirs, and is ambiguous. See "Fault" in docs/internals/threads-protocol.md.
 */
import { thread } from "#platform"
import type { RunningTask } from "./runningTask.ts"

/** The owner of asynchronous work. */
export class Mark {
  /** The task that has it for itself, or that suspended under it. */
  task: RunningTask | undefined
  /** More than one task has entered it. */
  shared = false

  constructor(task: RunningTask | undefined) {
    this.task = task
  }
}

export class Attribution {
  private readonly marks = thread.marks<Mark>()
  /** The mark of tasks that end at once, while it is entered. */
  private common: Mark | undefined

  /** Code of another turn of the event loop has another mark entered. */
  startTurn(): void {
    this.common = undefined
  }

  /** Enters the mark that tasks share which are expected to end at once: no task of their type has suspended so far. */
  enterCommon(): Mark {
    if (this.common !== undefined) {
      this.common.shared = true
      return this.common
    }
    this.common = new Mark(undefined)
    this.marks.enterWith(this.common)
    return this.common
  }

  /** Enters the mark of a task that starts. */
  enter(task: RunningTask): Mark {
    const mark = new Mark(task)
    this.common = undefined
    this.marks.enterWith(mark)
    return mark
  }

  /** The task suspended: tasks that start after it must not enter its mark. */
  suspended(task: RunningTask, mark: Mark): void {
    mark.task = task
    this.common = undefined
  }

  /** The running task that the current code belongs to. */
  culprit(): RunningTask | "ambiguous" | undefined {
    const mark = this.marks.getStore()
    if (mark?.task === undefined || mark.task.over) return undefined
    return mark.shared ? "ambiguous" : mark.task
  }
}
