/** The stores of durable runs, for tests that hold on each. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Durable from "papyros/Durable"
import * as MemoryStore from "../../../src/internal/durable/memoryStore.ts"
import * as SqliteClient from "../../../src/internal/durable/sqliteClient.ts"
import * as SqlStore from "../../../src/internal/durable/sqlStore.ts"

/** The path of a file in a directory of its own, which is removed with the scope. */
export const temporaryFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-durable-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  ),
  (path) => join(path, "runs.db")
)

export const sqlite = Effect.gen(function*() {
  const sql = yield* SqliteClient.make({ filename: yield* temporaryFile, synchronous: "NORMAL" })
  return yield* SqlStore.make(sql, { prefix: "papyros_", migrate: true })
})

export const stores = { memory: Effect.sync(MemoryStore.make), sqlite }

export const layers = {
  memory: Durable.layerMemory,
  sqlite: Layer.unwrap(Effect.map(temporaryFile, (filename) => Durable.layerSqlite({ filename })))
}
