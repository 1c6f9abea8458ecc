/**
 * Prepares an entry for a worker: looks its type up and encodes its payload.
 *
 * Must stay true: an entry that is not prepared is either rejected or deferred,
 * so its caller gets an outcome all the same.
 */
import * as TaskFailure from "../../TaskFailure.ts"
import type { Outcomes } from "./outcomes.ts"
import type { TaskEntry } from "./producer.ts"
import type { TaskType, TaskTypes } from "./taskTypes.ts"
import { undecodable, type UnservedTasks } from "./unserved.ts"
import type { WorkerState } from "./workerState.ts"

export class Preparation {
  private readonly types: TaskTypes
  private readonly outcomes: Outcomes
  private readonly unserved: UnservedTasks

  constructor(types: TaskTypes, outcomes: Outcomes, unserved: UnservedTasks) {
    this.types = types
    this.outcomes = outcomes
    this.unserved = unserved
  }

  /** The type of a name; `undefined` if the dispatcher does not know it. */
  typeOf(name: string): TaskType | undefined {
    return this.types.get(name)
  }

  /** How long a task of the name takes, in microseconds; 0 if that is not known. */
  microsOf(name: string): number {
    return this.types.get(name)?.micros ?? 0
  }

  /** The type of the entry, or `undefined` if it does not go to this worker. */
  prepare(entry: TaskEntry, worker: WorkerState): TaskType | undefined {
    const { handle } = worker
    const name = entry.task._tag
    const type = this.types.get(name)
    if (type === undefined) {
      this.outcomes.reject(entry, handle.name, new TaskFailure.UnknownTask({ name }))
      return undefined
    }
    entry.type = type
    if (handle.unsupported?.(name) !== undefined) {
      this.unserved.defer(entry, name)
      return undefined
    }
    const error = this.types.encode(entry, type, worker.moves(entry))
    if (error === undefined) return type
    this.outcomes.reject(entry, handle.name, undecodable(error))
    return undefined
  }
}
