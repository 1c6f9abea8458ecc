/** papyros: durable runs of n + 1 in this process, kept in a file or in a Postgres database. */
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Durable from "papyros/Durable"
import * as DurablePostgres from "papyros/DurablePostgres"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import type { CompetitorError } from "../../harness/model.ts"
import { PAPYROS } from "../../harness/papyros.ts"
import { Tally } from "../../harness/tally.ts"
import { withTimeout } from "../../harness/timeout.ts"
import handlers from "../../remote/workload/handlers.ts"
import { group, Inc } from "../../remote/workload/tasks.ts"
import { postgres } from "./postgres.ts"

const incs: Array<Inc> = []

/** The first `tasks` tasks, made before the clock runs. */
const increments = (tasks: number): ReadonlyArray<Inc> => {
  while (incs.length < tasks) incs.push(new Inc({ n: incs.length + 1 }))
  return incs.slice(0, tasks)
}

const dispatcher = FiberDispatcher.layer(group).pipe(Layer.provide(handlers))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-durable-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** Executes `tasks` tasks in a run. */
export type Execute = (run: string, tasks: number) => Effect.Effect<Tally, CompetitorError>

interface Store {
  readonly name: string
  readonly settings: string
  readonly open: Effect.Effect<Execute, CompetitorError, Scope.Scope>
}

const open = (store: Layer.Layer<Durable.Durable, Durable.DurableError>): Effect.Effect<Execute, never, Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(Layer.merge(dispatcher, store))), (context): Execute => (run, tasks) =>
    pipe(
      Durable.execute(increments(tasks), { run }),
      Stream.runFold(() => new Tally(), (tally, result) => tally.success(result)),
      Effect.provideContext(context),
      Effect.orDie,
      withTimeout
    )).pipe(Effect.orDie)

export const stores: ReadonlyArray<Store> = [
  {
    name: `${PAPYROS}, SQLite`,
    settings: "Durable.layerSqlite with its defaults, FiberDispatcher in the process of the program",
    open: Effect.flatMap(folder, (folder) => open(Durable.layerSqlite({ filename: join(folder, "runs.db") })))
  },
  {
    name: `${PAPYROS}, Postgres`,
    settings: "DurablePostgres.layer with its defaults, FiberDispatcher in the process of the program",
    open: Effect.flatMap(postgres, (url) => open(DurablePostgres.layer({ url: Redacted.make(url) })))
  }
]
