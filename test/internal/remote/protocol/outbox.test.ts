import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { type Numbered, SessionOutbox } from "../../../../src/internal/remote/protocol/outbox.ts"

interface Content {
  readonly items: ReadonlyArray<number>
}

/** One side of a session, the items that it has received, and its messages on the way. */
class Side {
  readonly received: Array<number> = []
  readonly outbox: SessionOutbox<Content>
  private items: Array<number> = []
  private sent = 0
  onTheWay: Array<Content & Numbered> = []

  constructor(bytes = 10) {
    this.outbox = new SessionOutbox<Content>(
      () => {
        if (this.items.length === 0) return undefined
        const items = this.items.splice(0, 2)
        return { content: { items }, bytes }
      },
      { items: [] },
      () => () => {}
    )
  }

  get added(): number {
    return this.sent
  }

  add(): void {
    this.items.push(this.sent++)
    this.outbox.added()
  }

  /** Sends everything that may be sent now. */
  readonly flush = Effect.gen({ self: this }, function*() {
    while (true) {
      const taking = yield* Effect.forkChild(this.outbox.take, { startImmediately: true })
      const exit = taking.pollUnsafe()
      if (exit?._tag !== "Success") return yield* Fiber.interrupt(taking)
      this.onTheWay.push(exit.value)
    }
  })

  receive(message: Content & Numbered): void {
    if (this.outbox.receive(message, 10)) this.received.push(...message.items)
  }
}

const Steps = Schema.Array(
  Schema.Literals(["add a", "add b", "add a", "add b", "deliver a", "deliver b", "send", "cut"])
)

describe("SessionOutbox", () => {
  it.effect.prop(
    "hands over each message once and in order, over any number of connections",
    { steps: Steps },
    ({ steps }) =>
      Effect.gen(function*() {
        const [a, b] = [new Side(), new Side()]
        const deliver = (from: Side, to: Side) => {
          const message = from.onTheWay.shift()
          if (message !== undefined) to.receive(message)
        }
        const cut = () => {
          a.onTheWay = []
          b.onTheWay = []
          // Both tell the other what they have received.
          const [ofA, ofB] = [a.outbox.lastReceived, b.outbox.lastReceived]
          a.outbox.resume(ofB)
          b.outbox.resume(ofA)
        }
        const send = Effect.andThen(a.flush, b.flush)
        for (const step of steps) {
          if (step === "add a") a.add()
          else if (step === "add b") b.add()
          else if (step === "deliver a") deliver(a, b)
          else if (step === "deliver b") deliver(b, a)
          else if (step === "send") yield* send
          else cut()
        }
        cut()
        for (let i = 0; i < 3; i++) {
          yield* send
          while (a.onTheWay.length > 0) deliver(a, b)
          while (b.onTheWay.length > 0) deliver(b, a)
        }
        const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
        assert.deepStrictEqual(b.received, upTo(a.added))
        assert.deepStrictEqual(a.received, upTo(b.added))
        for (const side of [a, b]) side.outbox.close()
      })
  )

  it.effect("waits for acknowledgements beyond 16 MiB, and asks for none of them by itself", () =>
    Effect.gen(function*() {
      const [a, b] = [new Side(4 * 1024 * 1024), new Side()]
      for (let i = 0; i < 40; i++) a.add()
      yield* a.flush
      const sent = a.onTheWay.length
      assert.isAtMost(sent, 5)
      for (const message of a.onTheWay.splice(0)) if (b.outbox.receive(message, 4 * 1024 * 1024)) b.received.push(1)
      yield* b.flush
      assert.deepStrictEqual(b.onTheWay.map(({ ack, seq }) => [seq, ack]), [[0, sent]])
      for (const message of b.onTheWay.splice(0)) a.receive(message)
      yield* a.flush
      assert.isAbove(a.onTheWay.length, 0)
      // An acknowledgement is not acknowledged.
      yield* b.flush
      assert.strictEqual(b.onTheWay.length, 0)
      for (const side of [a, b]) side.outbox.close()
    }))

  it("refuses numbers that no peer sends", () => {
    const { outbox } = new Side()
    for (const seq of [2, -1, 0.5, NaN, Infinity]) assert.throws(() => outbox.receive({ seq, ack: 0 }, 0))
    for (const ack of [1, -1, 0.5, NaN, Infinity]) assert.throws(() => outbox.receive({ seq: 1, ack }, 0))
    assert.throws(() => outbox.resume(1))
  })
})
