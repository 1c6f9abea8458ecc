/** The tasks that a client or a worker knows, and whether both mean the same by a name: their fingerprints decide. */
import { fingerprint } from "../../encoding/fingerprint.ts"
import * as TaskCodecs from "../../encoding/wire/taskCodecs.ts"
import type * as Task from "../../task.ts"

/** Names in a message about an unsupported task. */
const MAX_NAMES = 20

export class TaskCatalog {
  /** By the names of the tasks. */
  readonly fingerprints: ReadonlyMap<string, string>
  private readonly known: ReadonlyMap<string, { readonly task: Task.Any; readonly values: TaskCodecs.TaskCodecs }>

  constructor(tasks: ReadonlyMap<string, Task.AnyClass>) {
    this.fingerprints = new Map(Array.from(tasks, ([name, task]) => [name, fingerprint(task)]))
    this.known = new Map(Array.from(tasks, ([name, task]) => {
      // Only the fields that a scheduler reads: the payload stays encoded on a worker's main thread.
      const stub = { _tag: name, "~papyros/Task": task.prototype["~papyros/Task"] }
      return [name, { task: stub, values: TaskCodecs.make(task) }]
    }))
  }

  /** A task of this name. A task of an unknown name fails with `UnknownTask` when it is to start. */
  task(name: string): Task.Any {
    return this.known.get(name)?.task ?? { _tag: name, "~papyros/Task": unknownTask }
  }

  /** For a worker that offers these fingerprints: why it cannot run the tasks of a name, or `undefined` if it can. */
  unsupported(worker: string, offered: ReadonlyMap<string, string>): (name: string) => string | undefined {
    const reasons = new Map<string, string>()
    for (const [name, own] of this.fingerprints) {
      const theirs = offered.get(name)
      if (theirs === own) continue
      const instead = theirs === undefined
        ? Array.from(offered.keys()).slice(0, MAX_NAMES).join(", ")
        : `another ${name} (${theirs}, here ${own})`
      reasons.set(name, `${worker} supports ${instead === "" ? "no tasks" : instead}`)
    }
    // Asked for every task.
    return reasons.size === 0 ? () => undefined : (name) => reasons.get(name)
  }

  /** How the values of a name cross; `undefined` for an unknown name. */
  values(name: string): TaskCodecs.TaskCodecs | undefined {
    return this.known.get(name)?.values
  }
}

const unknownTask = { idempotent: true } as Task.Any["~papyros/Task"]
