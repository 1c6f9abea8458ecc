import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import * as Durable from "papyros/Durable"
import * as DurablePostgres from "papyros/DurablePostgres"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as SqlStore from "../src/internal/durable/sqlStore.ts"
import { succeeded } from "./support/durable/rows.ts"
import { freshTables, temporaryFile } from "./support/durable/stores.ts"
import { binaries, isAvailable } from "./support/postgres/binaries.ts"
import * as Server from "./support/postgres/server.ts"
import * as Shared from "./support/postgres/shared.ts"
import { passing, settle } from "./support/time.ts"

class Double extends Task.Class<Double>()("Double", { payload: { n: Schema.Int }, success: Schema.Int }) {}
const Tasks = TaskGroup.make(Double)

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const doubles = (count: number) => numbers(count).map((n) => new Double({ n }))

/** A dispatcher, and how often each task has started. */
const recorded = (pause: Effect.Effect<void> = Effect.void) => {
  const starts = new Map<number, number>()
  const handlers = Tasks.toLayer({
    Double: ({ n }) =>
      Effect.suspend(() => {
        starts.set(n, (starts.get(n) ?? 0) + 1)
        return Effect.as(pause, 2 * n)
      })
  })
  return { starts, layer: FiberDispatcher.layer(Tasks, { concurrency: 8 }).pipe(Layer.provide(handlers)) }
}

const client = (config: PgClient.PgPoolConfig = {}) =>
  Effect.flatMap(
    Shared.url,
    (url) => Effect.provide(PgClient.make({ url: Redacted.make(url), maxConnections: 4, ...config }), Reactivity.layer)
  )

const layer = (options: Omit<DurablePostgres.Options, "url"> = {}) =>
  Layer.unwrap(Effect.map(Shared.url, (url) => DurablePostgres.layer({ ...options, url: Redacted.make(url) })))

const open = <E>(durable: Layer.Layer<Durable.Durable, E>) =>
  Effect.flatMap(Layer.build(Layer.fresh(durable)), (context) => Effect.provideContext(Durable.Durable, context))

/** A client that runs an effect before each statement, outside of the transaction of the statement. */
const beforeEach = (sql: PgClient.PgClient, before: Effect.Effect<void>): PgClient.PgClient =>
  new Proxy(sql, {
    get: (target, name) =>
      name !== "unsafe" ? Reflect.get(target, name) : (...args: Parameters<PgClient.PgClient["unsafe"]>) => {
        const statement = target.unsafe(...args)
        return new Proxy(statement, {
          get: (target, name) =>
            name === "withoutTransform"
              ? Effect.andThen(before, statement.withoutTransform)
              : Reflect.get(target, name)
        })
      }
  })

describe.skipIf(!isAvailable)("DurablePostgres.layer", { timeout: 120_000 }, () => {
  it.effect("makes tables once for programs that open them at the same time, and says so where it must not", () =>
    Effect.gen(function*() {
      const prefix = `${yield* freshTables}Upper_`
      const refused = yield* Effect.flip(open(layer({ prefix, migrate: false })))
      assert.deepInclude(refused.reason, { _tag: "Incompatible", found: 0, wanted: 1 })
      yield* Effect.all(numbers(5).map(() => open(layer({ prefix }))), { concurrency: "unbounded" })
      yield* open(layer({ prefix, migrate: false }))
      const sql = yield* client()
      const versions = yield* sql.unsafe(`SELECT migration_id FROM "${prefix}migrations"`)
      assert.deepStrictEqual(versions, [{ migration_id: 1 }])
      yield* sql.unsafe(`DROP TABLE "${prefix}run", "${prefix}task", "${prefix}migrations"`)
    }).pipe(Effect.scoped))

  it.effect("uses a pool of one connection, and the client of a user, whatever that does with names", () =>
    Effect.gen(function*() {
      const { layer: dispatcher } = recorded()
      const prefix = yield* freshTables
      const upper = (name: string) => name.toUpperCase()
      const sql = yield* client({ transformResultNames: upper, transformQueryNames: upper })
      const run = Effect.gen(function*() {
        const results = yield* Stream.runCollect(Durable.execute(doubles(10), { run: "r", ordered: true }))
        assert.deepStrictEqual(results, numbers(10).map((n) => 2 * n))
        const outcomes = yield* Stream.runCollect(
          Stream.take(Durable.outcomes(Tasks, "r", { follow: true }), 10)
        )
        assert.lengthOf(outcomes, 10)
        const [{ activeBy, run, succeeded }] = yield* Durable.runs
        assert.deepStrictEqual({ activeBy, run, succeeded }, { activeBy: undefined, run: "r", succeeded: 10 })
      })
      const services = Layer.mergeAll(Layer.succeed(PgClient.PgClient, sql), Layer.succeed(SqlClient.SqlClient, sql))
      for (
        const durable of [
          layer({ prefix, maxConnections: 1 }),
          DurablePostgres.layerClient({ prefix }),
          Durable.layerSql({ prefix })
        ]
      ) {
        yield* Effect.provide(run, Layer.merge(dispatcher, Layer.provide(durable, services)))
      }
    }).pipe(Effect.scoped))

  // The clock of these tests stands: nothing looks twice a second.
  it.effect("is notified of outcomes that another program stores", () =>
    Effect.gen(function*() {
      const prefix = yield* freshTables
      const other = yield* open(layer({ prefix }))
      yield* other.store.acquire("r", "elsewhere 1 0 x", undefined)
      const started = yield* Latch.make()
      const following = Durable.outcomes(Tasks, "r", { follow: true }).pipe(
        Stream.tap(() => started.open),
        Stream.take(3),
        Stream.runCollect,
        Effect.provide(layer({ prefix }))
      )
      yield* other.store.append("r", "elsewhere 1 0 x", [succeeded("a")])
      const fiber = yield* Effect.forkChild(following)
      yield* started.await
      yield* other.store.append("r", "elsewhere 1 0 x", [succeeded("b")])
      yield* other.store.append("r", "elsewhere 1 0 x", [succeeded("c")])
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(({ key }) => key), ["a", "b", "c"])
    }).pipe(Effect.scoped))

  it.effect("is notified when another program gives up a run", () =>
    Effect.gen(function*() {
      const { layer: dispatcher } = recorded()
      const prefix = yield* freshTables
      const other = yield* open(layer({ prefix }))
      yield* other.store.acquire("r", "elsewhere 1 0 x", undefined)
      const run = Stream.runCollect(Durable.execute(doubles(3), { run: "r" }))
      const fiber = yield* Effect.forkChild(Effect.provide(run, Layer.merge(dispatcher, layer({ prefix }))))
      const sql = yield* client()
      const listening = sql.unsafe(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE $1",
        [`LISTEN "${prefix}run"`]
      )
      yield* Effect.repeat(listening, { until: (rows) => rows.length > 0 })
      yield* other.store.release("r", "elsewhere 1 0 x", undefined)
      assert.lengthOf(yield* Fiber.join(fiber), 3)
    }).pipe(Effect.scoped))

  it.effect("looks twice a second where no notifications arrive", () =>
    Effect.gen(function*() {
      const prefix = yield* freshTables
      const sql = yield* client()
      const other = yield* open(layer({ prefix }))
      yield* other.store.acquire("r", "elsewhere 1 0 x", undefined)
      const following = Stream.runCollect(Stream.take(Durable.outcomes(Tasks, "r", { follow: true }), 1)).pipe(
        Effect.provide(DurablePostgres.layerClient({ prefix })),
        Effect.provideService(PgClient.PgClient, Object.assign(sql, { listen: () => Effect.never }))
      )
      const fiber = yield* Effect.forkChild(following)
      yield* other.store.append("r", "elsewhere 1 0 x", [succeeded("a")])
      while (fiber.pollUnsafe() === undefined) {
        yield* settle
        yield* TestClock.adjust("500 millis")
      }
      assert.lengthOf(yield* Fiber.join(fiber), 1)
    }).pipe(Effect.scoped))

  it.effect("repeats an operation that is not answered for 30 seconds", () =>
    Effect.gen(function*() {
      const begun = yield* Latch.make()
      const locked = yield* Latch.make()
      const free = yield* Latch.make()
      const { layer: dispatcher, starts } = recorded(Effect.andThen(begun.open, locked.await))
      const prefix = yield* freshTables
      const sql = yield* client()
      const run = Stream.runCollect(Durable.execute(doubles(3), { run: "r" }))
      const fiber = yield* Effect.forkChild(
        Effect.provide(run, Layer.merge(dispatcher, layer({ prefix, applicationName: prefix })))
      )
      yield* begun.await
      const lock = sql.unsafe(`LOCK TABLE ${prefix}task IN ACCESS EXCLUSIVE MODE`)
      const holder = yield* Effect.forkChild(
        sql.withTransaction(Effect.andThen(lock, Effect.andThen(locked.open, free.await)))
      )
      const waiting = sql.unsafe<{ readonly pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'",
        [prefix]
      )
      const held = Effect.repeat(waiting, { until: (rows) => rows.length > 0 })
      const [first] = yield* held
      yield* TestClock.adjust("30 seconds")
      // The first one is cancelled, and comes again.
      yield* Effect.repeat(waiting, { until: (rows) => !rows.some(({ pid }) => pid === first.pid) })
      yield* Effect.repeat(Effect.andThen(TestClock.adjust("20 millis"), waiting), { until: (rows) => rows.length > 0 })
      yield* free.open
      yield* Fiber.join(holder)
      assert.lengthOf(yield* Fiber.join(fiber), 3)
      assert.deepStrictEqual(Array.from(starts.values()), [1, 1, 1])
    }).pipe(Effect.scoped))

  it.live("removes a run for its owner, also when the owner takes the run between two statements of the removal", () =>
    Effect.gen(function*() {
      const prefix = yield* freshTables
      const [sql, other] = [yield* client(), yield* client()]
      const store = yield* SqlStore.make(other, { prefix })
      for (const operation of ["removeRun", "removeFailures"] as const) {
        for (let last = 1; last <= 3; last++) {
          const run = `${operation} ${last}`
          let statements = -Infinity
          const taken = Effect.suspend(() =>
            ++statements === last ? Effect.asVoid(Effect.orDie(store.acquire(run, "one", undefined))) : Effect.void
          )
          const removing = yield* SqlStore.make(beforeEach(sql, taken), { prefix, migrate: false })
          statements = 0
          const removed = operation === "removeRun"
            ? removing.removeRun(run, "one", 10)
            : removing.removeFailures(run, "one", undefined)
          assert.strictEqual(yield* removed, 0, run)
        }
      }
    }).pipe(Effect.scoped))

  it.live("repeats a transaction whose connection is lost within it", () =>
    Effect.gen(function*() {
      const { layer: dispatcher, starts } = recorded()
      const prefix = yield* freshTables
      const sql = yield* client()
      // Within a transaction, Postgres reads the activity of its processes once.
      const observer = yield* client()
      const context = yield* Layer.build(Layer.fresh(layer({ prefix, applicationName: prefix })))
      const run = Effect.provide(
        Effect.provideContext(Stream.runCollect(Durable.execute(doubles(3), { run: "r" })), context),
        dispatcher
      )
      const fiber = yield* sql.withTransaction(Effect.gen(function*() {
        yield* sql.unsafe(`LOCK TABLE ${prefix}run IN ACCESS EXCLUSIVE MODE`)
        const fiber = yield* Effect.forkDetach(run)
        for (let lost = 0; lost < 3; lost++) {
          const end = observer.unsafe(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'",
            [prefix]
          )
          yield* Effect.repeat(end, { until: (rows) => rows.length > 0 })
        }
        return fiber
      }))
      assert.lengthOf(yield* Fiber.join(fiber), 3)
      assert.deepStrictEqual(Array.from(starts.values()), [1, 1, 1])
    }).pipe(Effect.scoped))

  it.effect("fails when the database cannot be reached for 30 seconds", () =>
    Effect.gen(function*() {
      const url = Redacted.make("postgres://me:hunter2@127.0.0.1:9/none")
      const error = yield* passing(Effect.flip(open(DurablePostgres.layer({ url }))))
      assert.deepInclude(error.reason, { _tag: "StoreFailed", operation: "open", retryable: true })
      assert.isAtLeast(yield* Effect.clockWith((clock) => clock.currentTimeMillis), 25_000)
    }).pipe(Effect.scoped))

  it.effect("shows the password in no error and no log, and does not try again with a wrong one", () =>
    Effect.gen(function*() {
      const right = new URL(yield* Shared.url)
      const password = "hunter2 @:/?#%\u00e9"
      right.password = encodeURIComponent(password)
      const wrong = [right.href, `postgres://me:${password}@[::bad/x`, `mysql://me:hunter2@db/x`, "hunter2"]
      for (const url of wrong) {
        const exit = yield* Effect.exit(open(DurablePostgres.layer({ url: Redacted.make(url) })))
        assert.isTrue(Exit.isFailure(exit))
        if (!Exit.isFailure(exit)) return
        for (const text of [Cause.pretty(exit.cause), inspect(exit, { depth: 20 }), String(exit)]) {
          assert.notInclude(text, "hunter2")
        }
      }
    }).pipe(Effect.scoped))

  it.effect("takes a user and a password with any characters", () =>
    Effect.gen(function*() {
      const prefix = yield* freshTables
      const sql = yield* client()
      const user = `${prefix}me@home`
      const password = "a@b:c/d?e#f%g'h é"
      yield* Effect.acquireRelease(
        sql.unsafe(`CREATE ROLE "${user}" LOGIN SUPERUSER PASSWORD '${password.replaceAll("'", "''")}'`),
        () =>
          Effect.orDie(
            sql.unsafe(`DROP OWNED BY "${user}" CASCADE; `).pipe(Effect.andThen(sql.unsafe(`DROP ROLE "${user}"`)))
          )
      )
      const url = new URL(yield* Shared.url)
      url.username = encodeURIComponent(user)
      url.password = encodeURIComponent(password)
      yield* Effect.scoped(open(DurablePostgres.layer({ url: Redacted.make(url.href), prefix })))
    }).pipe(Effect.scoped))
})

describe.skipIf(!isAvailable)("DurablePostgres.layerFromEnv", () => {
  const from = (value: string | undefined, prefix?: string) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        if (value !== undefined) process.env.PAPYROS_DATABASE = value
      }),
      () =>
        Effect.tap(Effect.exit(Effect.scoped(open(DurablePostgres.layerFromEnv({ prefix })))), () =>
          Effect.sync(() => assert.isUndefined(process.env.PAPYROS_DATABASE))),
      () =>
        Effect.sync(() => delete process.env.PAPYROS_DATABASE)
    )

  it.effect("takes the URL or the file out of the environment, and says what is wrong with it", () =>
    Effect.gen(function*() {
      const prefix = yield* freshTables
      assert.isTrue(Exit.isSuccess(yield* from(yield* Shared.url, prefix)))
      assert.isTrue(Exit.isSuccess(yield* from(yield* temporaryFile)))
      assert.match(String(yield* from(undefined)), /PAPYROS_DATABASE is not set/)
      const other = String(yield* from("mysql://me:hunter2@db/x"))
      assert.match(other, /neither a URL postgres:\/\/… nor the path of a file/)
      assert.notInclude(other, "hunter2")
    }).pipe(Effect.scoped))
})

describe("DurablePostgres.layerFromEnv", () => {
  it.effect("takes the variable before any Layer is built, whose threads would inherit it, and can be built again", () =>
    Effect.gen(function*() {
      process.env.PAPYROS_DATABASE = yield* temporaryFile
      const durable = DurablePostgres.layerFromEnv()
      assert.isUndefined(process.env.PAPYROS_DATABASE)
      for (let i = 0; i < 2; i++) yield* Effect.scoped(open(durable))
    }).pipe(Effect.scoped, Effect.ensuring(Effect.sync(() => delete process.env.PAPYROS_DATABASE))))
})

describe("Durable.layerSql", () => {
  it.effect("refuses the client of another database", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.make({
        acquirer: Effect.die("not to be used"),
        compiler: Statement.makeCompiler({
          dialect: "mysql",
          placeholder: () => "?",
          onIdentifier: (name) => name,
          onRecordUpdate: () => ["", []],
          onCustom: () => ["", []]
        }),
        driver: "other",
        spanAttributes: []
      }).pipe(Effect.provide(Reactivity.layer))
      const error = yield* Effect.flip(open(Layer.provide(Durable.layerSql(), Layer.succeed(SqlClient.SqlClient, sql))))
      assert.deepInclude(error.reason, { _tag: "StoreFailed", operation: "open", retryable: false })
      assert.include(error.message, "is for neither SQLite nor Postgres")
    }).pipe(Effect.scoped))
})

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0

/** A key and a certificate for 127.0.0.1, which the server can read. */
const certificate = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-tls-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ),
  (folder) => {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
    const form = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    execFileSync("openssl", ["req", "-x509", ...form, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" })
    for (const path of [folder, key, cert]) Server.giveToServer(path)
    return { key, cert }
  }
)

describe.skipIf(binaries === undefined || !hasOpenssl)("DurablePostgres.layer over TLS", () => {
  it.live("encrypts, and refuses a server whose certificate it does not trust", () =>
    Effect.gen(function*() {
      const { cert, key } = yield* certificate
      const server = yield* Server.makeWith([
        ...Server.FAST,
        "ssl = on",
        `ssl_cert_file = '${cert}'`,
        `ssl_key_file = '${key}'`
      ])
      const url = Redacted.make(server.url)
      for (const mode of ["require", "verify-full"]) {
        const untrusted = open(DurablePostgres.layer({ url: Redacted.make(`${server.url}?sslmode=${mode}`) }))
        const refused = yield* Effect.flip(untrusted)
        assert.deepInclude(refused.reason, { _tag: "StoreFailed", retryable: false })
        assert.match(refused.message, /certificate/)
      }
      yield* open(DurablePostgres.layer({ url, ssl: { ca: readFileSync(cert) }, applicationName: "trusts" }))
      const sql = yield* Effect.provide(PgClient.make({ url }), Reactivity.layer)
      const sessions = sql.unsafe(
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'trusts'"
      )
      assert.deepStrictEqual(yield* sessions, [{ ssl: true }])
    }).pipe(Effect.scoped))
})

describe.skipIf(binaries === undefined)("A durable run on Postgres", { timeout: 120_000 }, () => {
  /** Executes tasks while something happens to the server, and checks that nobody notices. */
  const survives = (
    happens: (world: {
      readonly server: Server.Server
      readonly sql: PgClient.PgClient
      /** Waits for some more results. */
      readonly goesOn: Effect.Effect<void>
    }) => Effect.Effect<unknown, unknown>,
    restarts: number
  ) =>
    Effect.gen(function*() {
      const server = yield* Server.make
      const url = Redacted.make(server.url)
      const sql = yield* Effect.provide(PgClient.make({ url, applicationName: "test" }), Reactivity.layer)
      const { layer: dispatcher, starts } = recorded(Effect.sleep(1))
      const count = 1000
      const begun = yield* Latch.make()
      let given = 0
      const run = Durable.execute(doubles(count), { run: "r", bufferSize: 64 }).pipe(
        Stream.tap(() => {
          given++
          return begun.open
        }),
        Stream.runCollect,
        Effect.provide(Layer.merge(dispatcher, DurablePostgres.layer({ url })))
      )
      const fiber = yield* Effect.forkChild(run)
      yield* begun.await
      const goesOn = Effect.suspend(() => {
        const wanted = Math.min(count, given + 20)
        return Effect.asVoid(Effect.repeat(Effect.sleep(5), { until: () => given >= wanted }))
      })
      yield* happens({ server, sql, goesOn })
      const results = yield* Fiber.join(fiber)
      assert.deepStrictEqual(results.toSorted((a, b) => a - b), numbers(count).map((n) => 2 * n))
      assert.isAtMost(Math.max(...starts.values()), 1)
      assert.strictEqual(starts.size, count)
      const [stored] = yield* Effect.retry(
        sql.unsafe<{ readonly count: number }>("SELECT count(*)::int count FROM papyros_task WHERE state = 2"),
        { times: restarts }
      )
      assert.strictEqual(stored.count, count)
    }).pipe(Effect.scoped)

  it.live(
    "goes on without an error while the server restarts and crashes",
    () =>
      survives(({ goesOn, server }) =>
        Effect.gen(function*() {
          for (const mode of ["fast", "immediate"] as const) {
            yield* server.stop(mode)
            yield* Effect.sleep(50)
            yield* server.start
            yield* goesOn
          }
        }), 5)
  )

  it.live(
    "goes on without an error while its connections are ended again and again",
    () =>
      survives(({ goesOn, sql }) =>
        Effect.repeat(
          Effect.andThen(
            sql.unsafe("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'papyros'"),
            goesOn
          ),
          { times: 20 }
        ), 0)
  )
})
