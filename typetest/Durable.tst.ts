import type { PgClient } from "@effect/sql-pg/PgClient"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as Stream from "effect/Stream"
import type * as Dispatcher from "papyros/Dispatcher"
import * as Durable from "papyros/Durable"
import * as DurablePostgres from "papyros/DurablePostgres"
import * as Task from "papyros/Task"
import type { TaskFailure } from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"
import { describe, expect, test } from "tstyche"

class Parse extends Task.Class<Parse>()("Parse", {
  payload: { text: Schema.String },
  success: Schema.Int,
  error: Schema.Literal("bad")
}) {}
class Ping extends Task.Class<Ping>()("Ping", { success: Schema.Boolean }) {}

const tasks: ReadonlyArray<Parse | Ping> = []

type Errors = Durable.DurableError | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed

describe("Durable", () => {
  test("execute has the results and failures of its tasks, and needs the store and a dispatcher", () => {
    expect(Durable.execute(tasks, { run: "r" })).type.toBe<
      Stream.Stream<
        number | boolean,
        TaskFailure<Parse> | TaskFailure<Ping> | Errors,
        Dispatcher.Dispatcher | Durable.Durable
      >
    >()
    expect(Durable.results([new Ping()], { run: "r" })).type.toBe<
      Stream.Stream<Dispatcher.TaskResult<Ping>, Errors, Dispatcher.Dispatcher | Durable.Durable>
    >()
  })

  test("a run needs a name, and a key its task", () => {
    expect(Durable.execute).type.not.toBeCallableWith(tasks, {})
    expect(Durable.execute).type.toBeCallableWith([new Parse({ text: "" })], {
      run: "r",
      key: (task: Parse) => task.text
    })
    expect(Durable.execute).type.not.toBeCallableWith([new Ping()], { run: "r", key: (task: Parse) => task.text })
  })

  test("run has the result of its task", () => {
    expect(Durable.run(new Parse({ text: "" }), { run: "r" })).type.toBe<
      Effect.Effect<
        number,
        TaskFailure<Parse> | Durable.DurableError | Dispatcher.DispatcherClosed,
        Dispatcher.Dispatcher | Durable.Durable
      >
    >()
  })

  test("what looks at a run needs no dispatcher", () => {
    expect(Durable.outcomes(TaskGroup.make(Parse), "r")).type.toBe<
      Stream.Stream<Durable.StoredOutcome<Parse>, Durable.DurableError, Durable.Durable>
    >()
    expect(Durable.retry("r")).type.toBe<Effect.Effect<number, Durable.DurableError, Durable.Durable>>()
  })

  test("a store of one's own passes its errors and needs on", () => {
    expect(Durable.layerSql()).type.toBe<Layer.Layer<Durable.Durable, Durable.DurableError, SqlClient.SqlClient>>()
    expect(Durable.layerMemory).type.toBe<Layer.Layer<Durable.Durable>>()
  })

  test("a Layer on Postgres needs a redacted URL, or the client of the program", () => {
    type Layers<R> = Layer.Layer<Durable.Durable, Durable.DurableError, R>
    const url = Redacted.make("postgres://db/x")
    expect(DurablePostgres.layer({ url, prefix: "my_", migrate: false, maxConnections: 4 })).type.toBe<Layers<never>>()
    expect(DurablePostgres.layer).type.not.toBeCallableWith({})
    expect(DurablePostgres.layer).type.not.toBeCallableWith({ url: "postgres://db/x" })
    expect(DurablePostgres.layerClient()).type.toBe<Layers<PgClient>>()
    expect(DurablePostgres.layerFromEnv()).type.toBe<Layers<never>>()
  })
})
