/** A cluster for one test: its runners, its client, and the journal of their tasks. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import * as Journal from "../journal.ts"
import { freePort, handlers, type Papyros, papyros } from "../remote/processes.ts"
import { Tasks } from "../remote/tasks.ts"
import { JournaledRuns } from "../remote/testCluster.ts"
import { client } from "./transport.ts"

const module = fileURLToPath(new URL("./runner.ts", import.meta.url))

/** Starts a runner of one thread, whose runner storage is at the place. */
export const startRunner = Effect.fnUntraced(
  function*(place: string, handlers: string, env?: Readonly<Record<string, string>>) {
    const runner = yield* papyros([place, `${yield* freePort}`, handlers], env, [], module)
    yield* runner.wrote(/serves the cluster/)
    return runner
  }
)

export class ClusterSite extends JournaledRuns {
  /** The runner storage: a file, or the URL of a database. */
  readonly place: string

  constructor(place: string, journal: string) {
    super(journal)
    this.place = place
  }

  /** A runner of one thread, which serves the worker group. */
  readonly start: Effect.Effect<Papyros, never, Scope.Scope> = Effect.suspend(() =>
    startRunner(this.place, handlers, { PAPYROS_TEST_JOURNAL: this.journal })
  )

  client(options?: ClusterDispatcher.ClusterDispatcherOptions) {
    return ClusterDispatcher.layer(Tasks, options).pipe(
      Layer.provide(client(this.place)),
      Layer.provide(Logger.layer([]))
    )
  }
}

/** A cluster whose runner storage is a file, unless another place is given. */
export const clusterSite = (place?: string): Effect.Effect<ClusterSite, never, Scope.Scope> =>
  Effect.map(
    Journal.make,
    (journal) => new ClusterSite(place ?? join(dirname(journal), "cluster.db"), journal)
  )
