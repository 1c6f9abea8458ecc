import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Source from "../../../src/internal/producers/source.ts"

/** Takes all items of a source as a producer does: until there is none, and again when more have arrived. */
const drain = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.gen(function*() {
    const items: Array<A> = []
    let arrived = () => {}
    const source = yield* Source.make(stream, yield* Effect.scope, () => arrived())
    yield* Effect.callback<void>((resume) => {
      arrived = () => {
        for (let item = source.next(); item !== Source.NONE; item = source.next()) items.push(item)
        if (source.done) resume(Effect.void)
      }
      arrived()
    })
    return { items, source }
  })

describe("Source of an Iterable", () => {
  it.effect("gives nothing while its own code runs, and goes on afterwards", () =>
    Effect.gen(function*() {
      const nested: Array<unknown> = []
      const items = function*() {
        for (const n of [1, 2, 3]) {
          nested.push(source.next())
          yield n
        }
      }
      const source: Source.Source<number, never> = yield* Source.make<number, never, never>(
        items(),
        yield* Effect.scope,
        () => {}
      )
      assert.deepStrictEqual([source.next(), source.next(), source.next()], [1, 2, 3])
      assert.deepStrictEqual(nested, [Source.NONE, Source.NONE, Source.NONE])
      assert.strictEqual(source.next(), Source.NONE)
      assert.isTrue(source.done && source.cause === undefined)
    }).pipe(Effect.scoped))

  it.effect("runs its finalizers once, after its own code that closes it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const items = function*() {
        try {
          for (const n of [1, 2]) {
            if (n === 2) {
              Effect.runSync(source.close)
              seen.push("closed")
            }
            yield n
          }
        } finally {
          seen.push("finalized")
        }
      }
      const source: Source.Source<number, never> = yield* Source.make<number, never, never>(
        items(),
        yield* Effect.scope,
        () => {}
      )
      assert.deepStrictEqual([source.next(), source.next(), source.next()], [1, Source.NONE, Source.NONE])
      yield* source.close
      assert.deepStrictEqual(seen, ["closed", "finalized"])
      assert.isUndefined(source.cause)
    }).pipe(Effect.scoped))
})

describe("Source of an array", () => {
  class Countdown extends Array<number> {
    override *[Symbol.iterator](): ArrayIterator<number> {
      for (let n = this.length; n > 0; n--) yield n
    }
  }
  const grows = (): Array<number> => {
    const items = [1, 2]
    Object.defineProperty(items, 1, { get: () => items.push(3) })
    return items
  }
  const throws = (): Array<number> => Object.defineProperty([1, 2], 1, { get: () => assert.fail("read") })
  const sparse = (): Array<number> => {
    const items = [1]
    items[2] = 3
    return items
  }

  it.effect.each<[name: string, make: () => Array<number>]>([
    ["is empty", () => []],
    ["has holes", sparse],
    ["grows while it is read", grows],
    ["has an iterator of its own", () => Countdown.of(1, 2, 3)],
    ["throws when it is read", throws]
  ])("gives the items of its iterator if the array %s", ([, make]) =>
    Effect.gen(function*() {
      const source: Source.Source<number, never> = yield* Source.make<number, never, never>(
        make(),
        yield* Effect.scope,
        () => {}
      )
      const iterator = make()[Symbol.iterator]()
      const next = Effect.try(() => iterator.next())
      for (let result = yield* Effect.exit(next);; result = yield* Effect.exit(next)) {
        const item = source.next()
        assert.strictEqual(source.cause !== undefined, Exit.isFailure(result))
        if (Exit.isFailure(result) || result.value.done === true) return assert.strictEqual(item, Source.NONE)
        assert.strictEqual(item, result.value.value)
      }
    }).pipe(Effect.scoped))
})

describe("Source of an array with getters", () => {
  it.effect("gives nothing after a getter has closed it", () =>
    Effect.gen(function*() {
      const items = [1, 2, 3]
      const source: Source.Source<number, never> = yield* Source.make<number, never, never>(
        items,
        yield* Effect.scope,
        () => {}
      )
      Object.defineProperty(items, 1, {
        get: () => {
          Effect.runSync(source.close)
          return 2
        }
      })
      assert.deepStrictEqual([source.next(), source.next(), source.next()], [1, Source.NONE, Source.NONE])
      assert.isTrue(source.done && source.cause === undefined)
    }).pipe(Effect.scoped))
})

describe("Source of a Stream", () => {
  it.effect.prop(
    "gives the items, once, whichever arrays arrive later",
    { arrays: Schema.Array(Schema.Struct({ size: Schema.Literals([1, 2, 5]), waits: Schema.Boolean })) },
    ({ arrays }) =>
      Effect.gen(function*() {
        let n = 0
        const expected: Array<number> = []
        const stream = Stream.fromIterable(arrays).pipe(
          Stream.rechunk(1),
          Stream.tap(({ waits }) => waits ? Effect.yieldNow : Effect.void),
          Stream.mapArray((some) => some.flatMap(({ size }) => Array.from({ length: size }, () => n++)) as never)
        )
        const { items, source } = yield* drain(stream)
        for (const { size } of arrays) for (let i = 0; i < size; i++) expected.push(expected.length)
        assert.deepStrictEqual(items, expected)
        assert.isTrue(source.done)
        assert.isUndefined(source.cause)
        assert.strictEqual(source.next(), Source.NONE)
        yield* source.close
      }).pipe(Effect.scoped)
  )

  for (const [name, step] of [["at once", Effect.void], ["later", Effect.yieldNow]] as const) {
    it.effect(`pulls 50,000 arrays that arrive ${name} without a deep stack`, () =>
      Effect.gen(function*() {
        const { items } = yield* drain(Stream.tap(Stream.rechunk(Stream.range(1, 50_000), 1), () => step))
        assert.lengthOf(items, 50_000)
      }).pipe(Effect.scoped))
  }

  it.effect("pulls an array only when the one before is used up", () =>
    Effect.gen(function*() {
      const pulled: Array<number> = []
      const stream = Stream.range(1, 6).pipe(
        Stream.rechunk(2),
        Stream.mapArray((some) => {
          pulled.push(...some)
          return some
        })
      )
      const source = yield* Source.make(stream, yield* Effect.scope, () => {})
      assert.deepStrictEqual(pulled, [])
      const before = [1, 2]
      for (const item of [1, 2, 3]) {
        if (item === 3) before.push(3, 4)
        assert.strictEqual(source.next(), item)
        assert.deepStrictEqual(pulled, before)
      }
      yield* source.close
      assert.deepStrictEqual(pulled, [1, 2, 3, 4])
    }).pipe(Effect.scoped))

  it.effect("pulls in one fiber, whose children live until the source is closed", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const latch = yield* Latch.make()
      const ran = yield* Deferred.make<void>()
      const background = (name: string, until: Effect.Effect<void>) =>
        Effect.andThen(until, Effect.sync(() => seen.push(name))).pipe(
          Effect.onInterrupt(() => Effect.sync(() => seen.push(`${name} interrupted`)))
        )
      const fibers = new Set<number>()
      const stream = Stream.range(1, 3).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.withFiber((fiber) => Effect.sync(() => fibers.add(fiber.id)))),
        Stream.tap((n) =>
          n > 1 ? Effect.yieldNow : Effect.all([
            Effect.forkChild(Effect.ensuring(background("first", latch.await), Deferred.succeed(ran, undefined))),
            Effect.forkChild(background("second", Effect.never))
          ])
        )
      )
      const { source } = yield* drain(stream)
      assert.strictEqual(fibers.size, 1)
      assert.deepStrictEqual(seen, [])
      yield* latch.open
      yield* Deferred.await(ran)
      assert.deepStrictEqual(seen, ["first"])
      yield* source.close
      assert.deepStrictEqual(seen, ["first", "second interrupted"])
    }).pipe(Effect.scoped))

  it.effect("runs in the context in which it was made", () =>
    Effect.gen(function*() {
      const Name = Context.Reference<string>("test/Name", { defaultValue: () => "default" })
      const stream = Stream.rechunk(Stream.mapEffect(Stream.range(1, 2), () => Effect.service(Name)), 1)
      const { items } = yield* Effect.provideService(drain(stream), Name, "given")
      assert.deepStrictEqual(items, ["given", "given"])
    }).pipe(Effect.scoped))

  it.effect("interrupts the pull when it is closed, and waits for its finalizer", () =>
    Effect.gen(function*() {
      let finalized = 0
      const latch = yield* Latch.make()
      const finalizer = Effect.andThen(latch.await, Effect.sync(() => void finalized++))
      const source = yield* Source.make(
        Stream.fromEffect(Effect.onInterrupt(Effect.never, () => finalizer)),
        yield* Effect.scope,
        () => assert.fail("nothing arrives")
      )
      assert.strictEqual(source.next(), Source.NONE)
      const closing = yield* Effect.forkChild(source.close, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(closing.pollUnsafe())
      yield* latch.open
      yield* Fiber.join(closing)
      assert.strictEqual(finalized, 1)
      assert.isUndefined(source.cause)
    }).pipe(Effect.scoped))

  const ends: ReadonlyArray<readonly [string, Effect.Effect<never, string>]> = [
    ["fails", Effect.fail("broken")],
    ["dies", Effect.die("defect")],
    ["is interrupted", Effect.interrupt],
    [
      "interrupts its fiber",
      Effect.withFiber((fiber) => Effect.andThen(Effect.sync(() => fiber.interruptUnsafe()), Effect.never))
    ],
    [
      "interrupts its fiber later",
      Effect.andThen(
        Effect.withFiber((fiber) =>
          Effect.forkChild(Effect.andThen(Effect.yieldNow, Effect.sync(() => fiber.interruptUnsafe())))
        ),
        Effect.never
      )
    ]
  ]
  for (const [name, end] of ends) {
    it.effect(`ends as the stream does, after the items before, if it ${name}`, () =>
      Effect.gen(function*() {
        const stream = Stream.concat(Stream.range(1, 2), Stream.fromEffect(end))
        const expected = yield* Fiber.await(yield* Effect.forkDetach(Stream.runDrain(stream)))
        const { items, source } = yield* drain(stream)
        assert.deepStrictEqual(items, [1, 2])
        assert(Exit.isFailure(expected) && source.cause !== undefined)
        assert.deepStrictEqual(reasons(source.cause), reasons(expected.cause))
        yield* source.close
      }).pipe(Effect.scoped))
  }
})

const reasons = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> =>
  cause.reasons.map((reason) =>
    reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : reason._tag
  )
