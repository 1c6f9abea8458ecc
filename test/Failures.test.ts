import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { systemError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Stream from "effect/Stream"
import { symlinkSync } from "node:fs"
import * as Dispatcher from "papyros/Dispatcher"
import * as Durable from "papyros/Durable"
import * as Failures from "papyros/Failures"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Task from "papyros/Task"
import * as TaskFailure from "papyros/TaskFailure"
import * as TaskGroup from "papyros/TaskGroup"
import * as FailureLine from "../src/internal/failures/failureLine.ts"

// ----------------------------------------------------------------------------
// Tasks that fail
// ----------------------------------------------------------------------------

class Point extends Schema.Class<Point>("Point")({ x: Schema.Finite, y: Schema.Number }) {}

/** A payload of every kind that JSON does not have by itself. */
class Everything extends Task.Class<Everything>()("Everything", {
  payload: {
    text: Schema.String,
    big: Schema.BigInt,
    bytes: Schema.Uint8Array,
    at: Schema.Date,
    number: Schema.Number,
    point: Point,
    maybe: Schema.Option(Schema.Date),
    byName: Schema.ReadonlyMap(Schema.String, Schema.BigInt),
    record: Schema.Record(Schema.String, Schema.Finite),
    absent: Schema.optionalKey(Schema.String),
    json: Schema.Json
  }
}) {}

class Account {
  readonly secret: Redacted.Redacted
  constructor(secret: Redacted.Redacted) {
    this.secret = secret
  }
}

const toAccount = SchemaTransformation.transform({
  decode: ({ secret }: { readonly secret: Redacted.Redacted }) => new Account(secret),
  encode: ({ secret }: Account) => ({ secret })
})

class Login extends Task.Class<Login>()("Login", {
  payload: {
    user: Schema.String,
    password: Schema.RedactedFromValue(Schema.String),
    keys: Schema.Array(Schema.Redacted(Schema.Finite)),
    pin: Schema.RedactedFromValue(Schema.String).pipe(
      Schema.decodeTo(Schema.String, SchemaTransformation.transform({ decode: Redacted.value, encode: Redacted.make }))
    ),
    token: Schema.Struct({ value: Schema.RedactedFromValue(Schema.String) }).pipe(Schema.encodeKeys({ value: "v" })),
    account: Schema.declare((u): u is Account => u instanceof Account, {
      toCodecJson: () =>
        Schema.link<Account>()(Schema.Struct({ secret: Schema.RedactedFromValue(Schema.String) }), toAccount)
    })
  },
  error: Schema.Struct({ token: Schema.Redacted(Schema.String) })
}) {}

class Query extends Task.Class<Query>()("Query", {
  payload: { id: Schema.Int, pattern: Schema.instanceOf(RegExp) },
  error: Schema.Struct({ pattern: Schema.instanceOf(RegExp) })
}) {}

class Loose extends Task.Class<Loose>()("Loose", { payload: { value: Schema.Any }, error: Schema.Any }) {}

class Moved extends Task.Class<Moved>()("Moved", { payload: { bytes: Schema.Uint8Array }, transfer: "payload" }) {}

class NotEven extends Schema.TaggedError<NotEven>()("NotEven", { n: Schema.Int }) {}

class Halve extends Task.Class<Halve>()("Halve", {
  payload: { n: Schema.Int },
  success: Schema.Int,
  error: NotEven
}) {}

const Halves = TaskGroup.make(Halve)

const fiber = FiberDispatcher.layer(Halves).pipe(Layer.provide(Halves.toLayer({
  Halve: ({ n }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail(new NotEven({ n }))
})))

type Failing = ReadonlyArray<readonly [Task.Any, TaskFailure.Reason<unknown>]>

/** Failures for such reasons, as an execution gives them. */
const failing = (...failures: Failing) =>
  Stream.fromIterable(failures.map(([task, reason], index) => ({
    index,
    task,
    result: Result.fail(TaskFailure.make({ task, attempt: 2, worker: "here", trace: "at work", reason }))
  })))

const timedOut = new TaskFailure.Interrupted()

interface Line {
  readonly index: number
  readonly task: string
  readonly payload?: unknown
  readonly payloadError?: string
  readonly message: string
  readonly trace: string
  readonly error?: unknown
}

const linesIn = Effect.fnUntraced(function*(file: string) {
  const text = yield* FileSystem.FileSystem.use((fs) => fs.readFileString(file))
  assert.isTrue(text === "" || text.endsWith("\n"))
  return text.split("\n").slice(0, -1).map((line): Line => JSON.parse(line))
})

const newFile = FileSystem.FileSystem.use((fs) =>
  Effect.map(fs.makeTempDirectoryScoped(), (directory) => `${directory}/failures.ndjson`)
)

/** The lines of these failures. */
const kept = (...failures: Failing) =>
  Effect.gen(function*() {
    const file = yield* newFile
    yield* failing(...failures).pipe(Failures.keep(file), Stream.runDrain)
    return yield* linesIn(file)
  })

const run = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Effect.Services<typeof newFile>>) =>
  Effect.provide(Effect.scoped(effect), NodeFileSystem.layer)

/** Another file system in which writing is changed. */
const writing = (writeAll: (file: FileSystem.File, bytes: Uint8Array) => ReturnType<FileSystem.File["writeAll"]>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      open: (path, options) =>
        Effect.map(fs.open(path, options), (file): FileSystem.File =>
          new Proxy(file, {
            get: (file, key) => {
              if (key === "writeAll") return (bytes: Uint8Array) => writeAll(file, bytes)
              const member = Reflect.get(file, key)
              return typeof member === "function" ? member.bind(file) : member
            }
          }))
    }))
  ).pipe(Layer.provideMerge(NodeFileSystem.layer))

describe("Failures", () => {
  it.effect("writes the failures and nothing else, and passes all outcomes on as they are", () =>
    run(Effect.gen(function*() {
      const file = yield* newFile
      const given: Array<unknown> = []
      const outcomes = yield* Stream.range(0, 6).pipe(
        Stream.map((n) => new Halve({ n })),
        Dispatcher.results(),
        Stream.tap((outcome) => Effect.sync(() => given.push(outcome))),
        Failures.keep(file),
        Stream.runCollect,
        Effect.provide(fiber)
      )
      assert.deepStrictEqual(outcomes.map(({ index }) => index).sort(), [0, 1, 2, 3, 4, 5, 6])
      outcomes.forEach((outcome, i) => assert.strictEqual(outcome, given[i]))
      const lines = yield* linesIn(file)
      assert.deepStrictEqual(
        lines.map(({ trace: _, ...line }) => line),
        [1, 3, 5].map((n) => ({
          index: n,
          task: "Halve",
          payload: { _tag: "Halve", n },
          reason: "Failed",
          message: `Task Halve on local failed: NotEven: {"n":${n}}`,
          attempt: 1,
          worker: "local",
          error: { _tag: "NotEven", n },
          at: "1970-01-01T00:00:00.000Z"
        }))
      )
      for (const { trace } of lines) assert.include(trace, "NotEven")
    })))

  it.effect("has a failure in the file before the stream delivers it", () =>
    run(Effect.gen(function*() {
      const file = yield* newFile
      let delivered = 0
      yield* failing([new Halve({ n: 1 }), timedOut], [new Halve({ n: 3 }), timedOut]).pipe(
        Stream.rechunk(1),
        Failures.keep(file),
        Stream.runForEach(() => Effect.map(linesIn(file), (lines) => assert.lengthOf(lines, ++delivered)))
      )
      assert.strictEqual(delivered, 2)
    })))

  const writer = new FailureLine.LineWriter()
  const decode = FailureLine.payloadDecoder(Everything)

  it.prop("writes payloads that decode to an equal task", { task: Everything }, ({ task }) => {
    const failure = TaskFailure.make({ task, attempt: 1, worker: "here", trace: "", reason: timedOut })
    const { payload }: Line = JSON.parse(writer.write(0, failure, 0))
    const decoded = decode(payload)
    assert.instanceOf(decoded, Everything)
    assert.deepStrictEqual(decoded, task)
  })

  it.effect("keeps NUL, lone surrogates, -0, NaN, empty bytes and keys of prototypes in payloads", () =>
    run(Effect.gen(function*() {
      const record = Object.fromEntries([["__proto__", 1], ["constructor", 2], ["\u0000", 3]])
      const task = new Everything({
        text: "\u0000\ud800\u007f\u009b31m\u2028",
        big: -(2n ** 200n),
        bytes: new Uint8Array(0),
        at: new Date(-1),
        number: NaN,
        point: new Point({ x: -0, y: -Infinity }),
        maybe: Option.none(),
        byName: new Map([["\ud800", 0n]]),
        record,
        json: { deep: [null, { "": [-0] }] }
      })
      const [{ payload }] = yield* kept([task, timedOut])
      const decoded = FailureLine.payloadDecoder(Everything)(payload) as Everything
      assert.deepStrictEqual(decoded, task)
      assert.isTrue(Object.is(decoded.point.x, -0))
      assert.deepStrictEqual(Object.entries(decoded.record), Object.entries(record))
    })))

  it.effect("writes no control character that a terminal obeys", () =>
    run(Effect.gen(function*() {
      const file = yield* newFile
      const reason = new TaskFailure.Defect({ defect: new Error("\u009b31m\u007f\u001b[0m") })
      yield* failing([new Halve({ n: 1 }), reason]).pipe(Failures.keep(file), Stream.runDrain)
      const text = yield* FileSystem.FileSystem.use((fs) => fs.readFileString(file))
      // oxlint-disable-next-line no-control-regex
      assert.match(text, /^[^\u0000-\u001f\u007f-\u009f]+\n$/)
    })))

  it.effect("writes no value of Redacted, and does not decode such a payload before the value is put in", () =>
    run(Effect.gen(function*() {
      const task = new Login({
        user: "ada",
        password: Redacted.make("opensesame"),
        keys: [Redacted.make(314159), Redacted.make(271828)],
        pin: "hunter2",
        token: { value: Redacted.make("swordfish") },
        account: new Account(Redacted.make("mellon"))
      })
      const file = yield* newFile
      const reason = new TaskFailure.Failed({ error: { token: Redacted.make("opensesame") } })
      yield* failing([task, reason]).pipe(Failures.keep(file), Stream.runDrain)
      const text = yield* FileSystem.FileSystem.use((fs) => fs.readFileString(file))
      for (const secret of ["opensesame", "314159", "271828", "hunter2", "swordfish", "mellon"]) {
        assert.notInclude(text, secret)
      }
      const line: Line = JSON.parse(text)
      const mark = "<redacted>"
      const login = { _tag: "Login", user: "ada" }
      assert.deepStrictEqual(line.payload, {
        ...login,
        password: mark,
        keys: [mark, mark],
        pin: mark,
        token: { v: mark },
        account: { secret: mark }
      })
      assert.deepStrictEqual(line.error, { token: mark })
      const decode = FailureLine.payloadDecoder(Login)
      assert.throws(() => decode(line.payload), /replace <redacted> by the value[^]*"password"/)
      const secrets = {
        password: "opensesame",
        keys: [314159, 271828],
        pin: "hunter2",
        token: { v: "swordfish" },
        account: { secret: "mellon" }
      }
      const restored = decode({ ...login, ...secrets }) as Login
      assert.strictEqual(restored.pin, "hunter2")
      assert.strictEqual(Redacted.value(restored.token.value), "swordfish")
      assert.strictEqual(Redacted.value(restored.account.secret), "mellon")
      assert.strictEqual(Redacted.value(restored.password), "opensesame")
      assert.deepStrictEqual(restored.keys.map(Redacted.value), [314159, 271828])
    })))

  it.effect("leaves a payload or an error that has no JSON out, and says why, and loses nothing else", () =>
    run(Effect.gen(function*() {
      const cycle: { self?: unknown } = {}
      cycle.self = cycle
      const moved = new Moved({ bytes: Uint8Array.of(1, 2, 3) })
      structuredClone(moved.bytes, { transfer: [moved.bytes.buffer as ArrayBuffer] })
      const lines = yield* kept(
        [new Halve({ n: 1 }), new TaskFailure.Failed({ error: new NotEven({ n: 1 }) })],
        [new Query({ id: 7, pattern: /x/ }), new TaskFailure.Failed({ error: { pattern: /y/ } })],
        [new Loose({ value: cycle }), new TaskFailure.Failed({ error: cycle })],
        [new Loose({ value: () => 1 }), new TaskFailure.Failed({ error: 1n })],
        [moved, timedOut],
        [new Moved({ bytes: Uint8Array.of(1, 2) }), timedOut],
        [Object.assign(new Halve({ n: 2 }), { n: "two" }), timedOut],
        [new Halve({ n: 5 }), new TaskFailure.Failed({ error: "no NotEven" })]
      )
      assert.deepStrictEqual(lines.map(({ index }) => index), [0, 1, 2, 3, 4, 5, 6, 7])
      assert.deepStrictEqual(
        lines.map((line) => "payload" in line),
        [true, false, false, false, false, true, false, true]
      )
      assert.deepStrictEqual(lines.map((line) => "error" in line), [
        true,
        false,
        false,
        false,
        false,
        false,
        false,
        false
      ])
      for (const line of lines) assert.strictEqual("payload" in line, !("payloadError" in line))
      assert.include(lines[1].payloadError, "has no JSON form")
      assert.include(lines[4].payloadError, "moved")
      assert.include(lines[6].payloadError, "Expected")
      for (const { message, trace } of lines) {
        assert.match(message, /^Task \w+ on here \(attempt 2\) /)
        assert.strictEqual(trace, "at work")
      }
    })))

  it.effect("cuts messages at 1,024 and traces at 8,192 characters", () =>
    run(Effect.gen(function*() {
      const file = yield* newFile
      const task = new Halve({ n: 1 })
      const reason = new TaskFailure.Undecodable({ part: "success", message: "x".repeat(100_000) })
      const failure = TaskFailure.make({ task, attempt: 1, worker: "here", trace: "y".repeat(100_000), reason })
      yield* Stream.make({ index: 0, task, result: Result.fail(failure) }).pipe(Failures.keep(file), Stream.runDrain)
      const [{ message, trace }] = yield* linesIn(file)
      assert.strictEqual(message.length, 1025)
      assert.strictEqual(trace, `${"y".repeat(8192)}…`)
    })))

  describe("the file", () => {
    it.effect("is made when the stream starts, and only its owner can read it", () =>
      run(Effect.gen(function*() {
        const file = yield* newFile
        const fs = yield* FileSystem.FileSystem
        const stream = Stream.fromEffect(fs.stat(file)).pipe(
          Stream.map(({ mode }) => ({ index: mode & 0o777, task: new Halve({ n: 0 }), result: Result.succeed(0) })),
          Failures.keep(file)
        )
        assert.isFalse(yield* fs.exists(file))
        const [{ index }] = yield* Stream.runCollect(stream)
        assert.strictEqual(index, 0o600)
        assert.deepStrictEqual(yield* linesIn(file), [])
      })))

    it.effect("is not replaced if it exists, also by a link", () =>
      run(Effect.gen(function*() {
        const file = yield* newFile
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(file, "evidence")
        symlinkSync(`${file}.missing`, `${file}.link`)
        for (const name of [file, `${file}.link`]) {
          let started = false
          const error = yield* Stream.sync(() => {
            started = true
            return { index: 0, task: new Halve({ n: 0 }), result: Result.succeed(0) }
          }).pipe(Failures.keep(name), Stream.runDrain, Effect.flip)
          assert.strictEqual(error.reason._tag, "FileExists")
          assert.include(error.message, name)
          assert.isFalse(started)
        }
        assert.strictEqual(yield* fs.readFileString(file), "evidence")
        assert.isFalse(yield* fs.exists(`${file}.missing`))
      })))

    it.effect("belongs to one of several streams that want it", () =>
      run(Effect.gen(function*() {
        const file = yield* newFile
        const one = failing([new Halve({ n: 1 }), timedOut]).pipe(Failures.keep(file), Stream.runCount, Effect.result)
        const results = yield* Effect.all([one, one, one], { concurrency: "unbounded" })
        assert.strictEqual(results.filter(Result.isSuccess).length, 1)
        for (const { reason } of results.filter(Result.isFailure).map(({ failure }) => failure)) {
          assert.strictEqual(reason._tag, "FileExists")
        }
        assert.lengthOf(yield* linesIn(file), 1)
      })))

    it.effect("that cannot be made fails the stream before it starts", () =>
      run(Effect.gen(function*() {
        const file = `${yield* newFile}/missing/failures.ndjson`
        const error = yield* failing([new Halve({ n: 1 }), timedOut]).pipe(
          Failures.keep(file),
          Stream.runDrain,
          Effect.catchReason("FailureFileError", "CannotWrite", Effect.succeed)
        )
        assert.strictEqual(error?.operation, "create")
        const { message } = yield* failing().pipe(Failures.keep(file), Stream.runDrain, Effect.flip)
        assert.include(message, file)
        assert.match(message, /no such file|not a directory/)
      })))

    it.effect("that cannot be written any more fails the stream after the outcomes that it has taken", () =>
      Effect.gen(function*() {
        const file = yield* newFile
        let writes = 0
        let interrupted = false
        const full = writing((file, bytes) =>
          writes++ === 0 ? file.writeAll(bytes) : Effect.andThen(
            file.writeAll(bytes.subarray(0, 10)),
            Effect.fail(systemError({
              _tag: "WriteZero",
              module: "FileSystem",
              method: "writeAll",
              cause: new Error("ENOSPC: no space left on device")
            }))
          )
        )
        const delivered: Array<number> = []
        const error = yield* failing(...[1, 3, 5, 7].map((n) => [new Halve({ n }), timedOut] as const)).pipe(
          Stream.rechunk(2),
          Stream.concat(Stream.never),
          Stream.onExit(() => Effect.sync(() => (interrupted = true))),
          Failures.keep(file),
          Stream.runForEach(({ index }) => Effect.sync(() => delivered.push(index))),
          Effect.flip,
          Effect.provide(full)
        )
        assert.deepStrictEqual(delivered, [0, 1, 2, 3])
        assert.isTrue(interrupted)
        assert.include(error.message, `${file} cannot be written: ENOSPC: no space left on device`)
        assert.deepStrictEqual((yield* linesIn(file)).map(({ index }) => index), [0, 1])
      }).pipe(run))

    it.effect("has a whole line when the stream is interrupted in the middle of a write", () =>
      Effect.gen(function*() {
        const file = yield* newFile
        const begun = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const slow = writing((file, bytes) =>
          Effect.gen(function*() {
            yield* file.writeAll(bytes.subarray(0, 20))
            yield* Deferred.succeed(begun, undefined)
            yield* Deferred.await(go)
            yield* file.writeAll(bytes.subarray(20))
          })
        )
        const fiber = yield* failing([new Halve({ n: 1 }), timedOut]).pipe(
          Failures.keep(file),
          Stream.runDrain,
          Effect.provide(slow),
          Effect.forkChild
        )
        yield* Deferred.await(begun)
        const interruption = yield* Effect.forkChild(Fiber.interrupt(fiber))
        yield* Effect.yieldNow
        yield* Deferred.succeed(go, undefined)
        yield* Fiber.join(interruption)
        assert.deepStrictEqual((yield* linesIn(file)).map(({ index }) => index), [0])
      }).pipe(run))

    it.effect("keeps the failures before an error of the stream", () =>
      run(Effect.gen(function*() {
        const file = yield* newFile
        const error = yield* Stream.concat(failing([new Halve({ n: 1 }), timedOut]), Stream.fail("broken")).pipe(
          Failures.keep(file),
          Stream.runDrain,
          Effect.flip
        )
        assert.strictEqual(error, "broken")
        assert.lengthOf(yield* linesIn(file), 1)
      })))
  })

  it.effect("keeps failures that a durable run had stored, since the stream delivers them", () =>
    run(Effect.gen(function*() {
      const tasks = [1, 2, 3].map((n) => new Halve({ n }))
      const indexes = Effect.fnUntraced(function*(rerun: "failed" | "none") {
        const file = yield* newFile
        yield* Durable.results(tasks, { run: "halves", rerun }).pipe(Failures.keep(file), Stream.runDrain)
        return (yield* linesIn(file)).map(({ index }) => index).sort()
      })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* indexes("failed"), [0, 2])
        assert.deepStrictEqual(yield* indexes("none"), [0, 2])
      }).pipe(Effect.provide([fiber, Durable.layerMemory]))
    })))

  it.effect("takes 20,000 failures", () =>
    run(Effect.gen(function*() {
      const file = yield* newFile
      const count = 20_000
      const failure = TaskFailure.make({
        task: new Halve({ n: 1 }),
        attempt: 1,
        worker: "here",
        trace: "at work",
        reason: timedOut
      })
      const seen = yield* Stream.range(0, count - 1).pipe(
        Stream.map((index) => ({ index, task: failure.task, result: Result.fail(failure) })),
        Failures.keep(file),
        Stream.runCount
      )
      assert.strictEqual(seen, count)
      const lines = yield* linesIn(file)
      assert.strictEqual(lines.length, count)
      assert.isTrue(lines.every(({ index }, at) => index === at))
    })))
})
