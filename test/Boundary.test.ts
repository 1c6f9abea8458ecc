import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as Dispatcher from "papyros/Dispatcher"
import * as DummyDispatcher from "papyros/DummyDispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

// ----------------------------------------------------------------------------
// Keys that encodings leave out
// ----------------------------------------------------------------------------

class Point
  extends Schema.Class<Point>("Point")({ x: Schema.Int, label: Schema.OptionFromOptionalKey(Schema.String) })
{}

const Keys = Schema.Struct({
  n: Schema.Int,
  at: Schema.Date,
  key: Schema.optionalKey(Schema.Int),
  date: Schema.optional(Schema.Date),
  optionKey: Schema.OptionFromOptionalKey(Schema.Int),
  option: Schema.OptionFromOptional(Schema.Int),
  omitted: Schema.FiniteFromString.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("5"), { encodingStrategy: "omit" })
  ),
  point: Point
})

const there: typeof Keys.Type = {
  n: 1,
  at: new Date(0),
  key: 2,
  date: new Date(3),
  optionKey: Option.some(4),
  option: Option.some(6),
  omitted: 5,
  point: new Point({ x: 7, label: Option.some("here") })
}
const absent: typeof Keys.Type = {
  n: 1,
  at: new Date(0),
  optionKey: Option.none(),
  option: Option.none(),
  omitted: 5,
  point: new Point({ x: 7, label: Option.none() })
}

class Echo extends Task.Class<Echo>()("Echo", {
  payload: { keys: Keys, label: Schema.OptionFromOptionalKey(Schema.String) },
  success: Schema.Struct({ keys: Keys, label: Schema.OptionFromOptionalKey(Schema.String) })
}) {}

class Renamed extends Task.Class<Renamed>()("Renamed", {
  success: Schema.Struct({ n: Schema.Int, at: Schema.Date }).pipe(Schema.encodeKeys({ n: "number" }))
}) {}

// ----------------------------------------------------------------------------
// Code of users that runs while a value crosses a boundary
// ----------------------------------------------------------------------------

const broken = (): never => {
  throw new Error("the schema broke")
}

/** 7 cannot be checked. */
const Checked = Schema.Int.check(Schema.makeFilter((n) => n === 7 ? broken() : true))
/** 7 cannot be encoded, and 8 not be decoded. */
const Coded = Schema.String.pipe(
  Schema.decodeTo(Schema.Int, {
    decode: SchemaGetter.transform((s: string) => s === "8" ? broken() : Number(s)),
    encode: SchemaGetter.transform((n: number) => n === 7 ? broken() : `${n}`)
  })
)

class Check extends Task.Class<Check>()("Check", { payload: { n: Schema.Int }, success: Checked }) {}
class CheckField extends Task.Class<CheckField>()("CheckField", {
  payload: { n: Schema.Int },
  success: Schema.Struct({ n: Checked, at: Schema.Date })
}) {}
class Code extends Task.Class<Code>()("Code", { payload: { n: Schema.Int }, success: Coded }) {}
class CodePayload extends Task.Class<CodePayload>()("CodePayload", { payload: { n: Coded }, success: Schema.Int }) {}
class CodeError extends Task.Class<CodeError>()("CodeError", {
  payload: { n: Schema.Int },
  error: Schema.Struct({ n: Coded })
}) {}

class Row extends Task.Class<Row>()("Row", {
  success: Schema.Struct({ a: Schema.Int, s: Schema.String })
}) {}

const row = () => ({ a: 1, s: "text", big: "data", save: () => {} })

class Die extends Task.Class<Die>()("Die", { payload: { how: Schema.String } }) {}
class Return extends Task.Class<Return>()("Return", { payload: { what: Schema.String }, success: Schema.Int }) {}
class Fine extends Task.Class<Fine>()("Fine", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const cycle: { self?: unknown } = {}
cycle.self = cycle

const circular = new Error("circular")
circular.cause = circular

/** The values that a handler can die with. */
const defects: Readonly<Record<string, unknown>> = {
  "an object without a prototype": Object.create(null),
  "an object whose toJSON throws": { toJSON: broken },
  "an object whose toString throws": { toString: broken },
  "an object whose getter throws": {
    get value() {
      return broken()
    }
  },
  "an Error whose message throws": Object.defineProperty(new Error("a"), "message", { get: broken }),
  "an Error that is its own cause": circular,
  "a cycle": cycle,
  "a bigint": 1n,
  "a symbol": Symbol("s"),
  "a function": () => 1,
  "undefined": undefined,
  "null": null
}

/** Values that a handler can return instead of an Effect. */
const noEffects: Readonly<Record<string, unknown>> = {
  "a tagged object": { _tag: "Circle", r: 1 },
  "an Option": Option.some(1),
  "a Result": Result.succeed(1),
  "what looks like a success": { _tag: "Success", value: 1 },
  "what looks like a failure": { _tag: "Failed", error: 1 },
  "a promise": Promise.resolve(1),
  "a number": 5,
  "null": null
}

const Tasks = TaskGroup.make(
  Echo,
  Renamed,
  Check,
  CheckField,
  Code,
  CodePayload,
  CodeError,
  Row,
  Die,
  Return,
  Fine
)

const handlers = Tasks.toLayer({
  Echo: ({ keys, label }) => Effect.succeed({ keys, label }),
  Renamed: () => Effect.succeed({ n: 1, at: new Date(0) }),
  Check: ({ n }) => Effect.succeed(n),
  CheckField: ({ n }) => Effect.succeed({ n, at: new Date(0) }),
  Code: ({ n }) => Effect.succeed(n),
  CodePayload: ({ n }) => Effect.succeed(n),
  CodeError: ({ n }) => Effect.fail({ n }),
  Row: () => Effect.succeed(row()),
  Die: ({ how }) => Effect.die(defects[how]),
  Return: ({ what }) => noEffects[what] as Effect.Effect<number>,
  Fine: ({ n }) => Effect.succeed(n)
})

const dispatchers = {
  Dummy: DummyDispatcher.layer(Tasks),
  Fiber: FiberDispatcher.layer(Tasks, { concurrency: 2 }),
  "Fiber with codecs": FiberDispatcher.layer(Tasks, { concurrency: 2, codecs: true })
}

/** Runs a task among others, which all succeed, and returns the failure of that task. */
const failureOf = <T extends Task.Any>(task: T) =>
  Effect.gen(function*() {
    const tasks: ReadonlyArray<T | Fine> = [new Fine({ n: 0 }), task, new Fine({ n: 2 })]
    const results = yield* Dispatcher.results(tasks, { ordered: true }).pipe(Stream.runCollect)
    assert.deepStrictEqual(results.map(({ result }) => Result.isSuccess(result)), [true, false, true])
    const { result } = results[1]
    assert(Result.isFailure(result))
    assert.strictEqual(result.failure.task, task)
    assert.isString(result.failure.message)
    assert.isString(result.failure.trace)
    assert.strictEqual(yield* new Fine({ n: 3 }), 3, "the dispatcher goes on")
    return result.failure
  })

for (const [name, layer] of Object.entries(dispatchers)) {
  const test = <E>(title: string, program: Effect.Effect<void, E, Dispatcher.Dispatcher>) =>
    it.effect(title, () => program.pipe(Effect.provide(layer), Effect.provide(handlers)))
  const codec = name !== "Fiber"

  describe(`Boundary of ${name}`, () => {
    for (const [how, keys] of Object.entries({ there, absent })) {
      test(
        `keys that an encoding leaves out come through where they are ${how}`,
        Effect.gen(function*() {
          const label = how === "there" ? Option.some("label") : Option.none<string>()
          const got = yield* new Echo({ keys, label })
          assert.deepStrictEqual(got, { keys, label })
          assert.isTrue(Option.isOption(got.label))
          assert.isTrue(Option.isOption(got.keys.optionKey))
          assert.isTrue(Option.isOption(got.keys.option))
          assert.instanceOf(got.keys.point, Point)
          assert.isTrue(Option.isOption(got.keys.point.label))
        })
      )
    }

    test(
      "keys that an encoding renames come through",
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* new Renamed(), { n: 1, at: new Date(0) })
      })
    )

    test(
      "properties of a result outside its schema do not cross a boundary",
      Effect.gen(function*() {
        const got = yield* new Row()
        if (codec) assert.deepStrictEqual<unknown>(got, { a: 1, s: "text" })
        else assert.sameMembers(Object.keys(got), Object.keys(row()))
      })
    )

    for (
      const [what, task, part] of [
        ["check of a result", new Check({ n: 7 }), "success"],
        ["check of a field", new CheckField({ n: 7 }), "success"],
        ["encoding of a result", new Code({ n: 7 }), "success"],
        ["decoding of a result", new Code({ n: 8 }), "success"],
        ["encoding of a payload", new CodePayload({ n: 7 }), "payload"],
        ["decoding of a payload", new CodePayload({ n: 8 }), "payload"],
        ["encoding of an error", new CodeError({ n: 7 }), "error"],
        ["decoding of an error", new CodeError({ n: 8 }), "error"]
      ] as const
    ) {
      test(
        codec
          ? `a task fails alone where the ${what} throws`
          : `the ${what} is not asked where there is no boundary`,
        Effect.gen(function*() {
          if (codec) {
            const { reason } = yield* failureOf<Task.Any>(task)
            assert(reason._tag === "Undecodable")
            assert.strictEqual(reason.part, part)
            assert.include(reason.message, "the schema broke")
          } else {
            const result = yield* Effect.result(Dispatcher.run<Task.Any>(task))
            const { n } = task
            if (part === "error") {
              assert(Result.isFailure(result) && result.failure._tag === "TaskFailure")
              assert(result.failure.reason._tag === "Failed")
              assert.deepStrictEqual(result.failure.reason.error, { n })
            } else {
              assert(Result.isSuccess(result))
              assert.deepStrictEqual(result.success, what === "check of a field" ? { n, at: new Date(0) } : n)
            }
          }
        })
      )
    }

    for (const how of Object.keys(defects)) {
      test(
        `a handler that dies of ${how} fails its own task, and its failure can be read`,
        Effect.gen(function*() {
          const { reason } = yield* failureOf(new Die({ how }))
          if (reason._tag === "Undecodable") {
            assert.isTrue(codec)
            assert.strictEqual(reason.part, "defect")
          } else {
            assert(reason._tag === "Defect")
            if (!codec) assert.strictEqual(reason.defect, defects[how])
          }
        })
      )
    }

    for (const what of Object.keys(noEffects)) {
      test(
        `a handler that returns ${what} instead of an Effect fails its own task with a defect`,
        Effect.gen(function*() {
          const { message, reason } = yield* failureOf(new Return({ what }))
          assert(reason._tag === "Defect")
          assert.include(message, "not an Effect")
        })
      )
    }
  })
}

describe("Boundary", () => {
  class Look extends Task.Class<Look>()("Look", {
    success: Schema.Array(Schema.Struct({ name: Schema.String, sampled: Schema.Boolean }))
  }) {}
  const Looks = TaskGroup.make(Look)

  /** The spans that a handler finds itself in, the innermost first. */
  const looking = Looks.toLayer({
    Look: () =>
      Effect.sync((): Array<{ readonly name: string; readonly sampled: boolean }> => []).pipe(
        Effect.tap((found) =>
          Effect.map(Effect.option(Effect.currentSpan), (current) => {
            let span: Tracer.AnySpan | undefined = Option.getOrUndefined(current)
            for (; span?._tag === "Span"; span = Option.getOrUndefined(span.parent)) {
              found.push({ name: span.name, sampled: span.sampled })
            }
          })
        )
      )
  })
  const built = {
    Dummy: DummyDispatcher.layer(Looks),
    Fiber: FiberDispatcher.layer(Looks)
  }

  for (const [name, layer] of Object.entries(built)) {
    it.effect(`a handler on ${name} sees the spans of its caller, never those in which its Layer was built`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* new Look(), [])
        assert.deepStrictEqual(yield* Effect.withSpan(new Look(), "caller"), [
          { name: "papyros.Look", sampled: true },
          { name: "caller", sampled: true }
        ])
        const unsampled = yield* Effect.withSpan(new Look(), "unsampled", { sampled: false })
        assert.isFalse(unsampled.some(({ sampled }) => sampled))
        assert.notInclude(unsampled.map(({ name }) => name), "building")
      }).pipe(Effect.provide(layer.pipe(Layer.provide(looking), Layer.withSpan("building")))))
  }
})
