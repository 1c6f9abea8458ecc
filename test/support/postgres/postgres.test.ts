import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import { binaries, isAvailable } from "./binaries.ts"
import * as Server from "./server.ts"
import * as Shared from "./shared.ts"

const open = (url: string) => Effect.provide(PgClient.make({ url: Redacted.make(url) }), Reactivity.layer)

describe.skipIf(!isAvailable)("The Postgres of the tests", () => {
  it.live("is one database for all that share it", () =>
    Effect.gen(function*() {
      const [one, two] = yield* Effect.all([Shared.url, Shared.url], { concurrency: 2 })
      const table = `${Shared.freshPrefix()}x`
      yield* Effect.flatMap(open(one), (sql) => sql.unsafe(`CREATE TABLE ${table} AS SELECT 'é'::text AS a`))
      const sql = yield* open(two)
      assert.deepStrictEqual(yield* sql.unsafe(`SELECT a FROM ${table}`), [{ a: "é" }])
      yield* sql.unsafe(`DROP TABLE ${table}`)
    }).pipe(Effect.scoped))

  it.live.skipIf(binaries === undefined)(
    "can be a server of its own, which stops and starts again with its data",
    () =>
      Effect.gen(function*() {
        const server = yield* Server.make
        const sql = yield* open(server.url)
        yield* sql.unsafe("CREATE TABLE x AS SELECT 1 AS a")
        yield* server.stop("fast")
        const error = yield* Effect.flip(sql.unsafe("SELECT a FROM x"))
        assert.strictEqual(error.reason._tag, "ConnectionError")
        yield* server.start
        assert.deepStrictEqual(yield* sql.unsafe("SELECT a FROM x"), [{ a: 1 }])
      }).pipe(Effect.scoped)
  )
})
