import * as Codec from "../../encoding/codec.ts"
import type { ListShape, Shape } from "../../encoding/columns.ts"
import type * as Task from "../../task.ts"
import { fingerprint } from "./fingerprint.ts"

/** Names that a message has room for. */
const MAX_NAMES = 20

/** What either side knows of the tasks that it is there for. */
export class TaskCatalog {
  /** Of each name what it means here. */
  readonly fingerprints: ReadonlyMap<string, string>
  private readonly known: ReadonlyMap<string, { readonly task: Task.Any; readonly shapes: Shapes }>

  constructor(tasks: ReadonlyMap<string, Task.AnyClass>) {
    this.fingerprints = new Map(Array.from(tasks, ([name, task]) => [name, fingerprint(task)]))
    this.known = new Map(Array.from(tasks, ([name, task]) => {
      const codec = Codec.make(task)
      // As much of a task as a scheduler looks at.
      const stub = { _tag: name, "~papyros/Task": task.prototype["~papyros/Task"] }
      return [name, { task: stub, shapes: { payload: codec.payload.shape, success: codec.success.shape } }]
    }))
  }

  /** A task of this name; one that is unknown fails when it is to start. */
  task(name: string): Task.Any {
    return this.known.get(name)?.task ?? { _tag: name, "~papyros/Task": unknownTask }
  }

  /** Why a worker that offers these cannot run the tasks of a name, or `undefined` if it can. */
  refusals(worker: string, offered: ReadonlyMap<string, string>): (name: string) => string | undefined {
    const refused = new Map<string, string>()
    for (const [name, own] of this.fingerprints) {
      const theirs = offered.get(name)
      if (theirs === own) continue
      const instead = theirs === undefined
        ? Array.from(offered.keys()).slice(0, MAX_NAMES).join(", ")
        : `another ${name} (${theirs}, here ${own})`
      refused.set(name, `${worker} serves ${instead === "" ? "nothing" : instead}`)
    }
    return (name) => refused.get(name)
  }

  shapes(name: string): Shapes {
    return this.known.get(name)?.shapes ?? noShapes
  }
}

interface Shapes {
  readonly payload: Shape | ListShape | undefined
  readonly success: Shape | ListShape | undefined
}

const noShapes: Shapes = { payload: undefined, success: undefined }

const unknownTask = { idempotent: true } as Task.Any["~papyros/Task"]
