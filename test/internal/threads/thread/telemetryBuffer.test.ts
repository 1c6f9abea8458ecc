import { assert, describe, it } from "@effect/vitest"
import type { FromThread } from "../../../../src/internal/threads/protocol/messages.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import type { TelemetryRecord } from "../../../../src/internal/threads/protocol/telemetry.ts"
import { TelemetryBuffer } from "../../../../src/internal/threads/thread/telemetryBuffer.ts"

const print = (n: number): TelemetryRecord => ["print", { to: "stdout", text: String(n) }]

const make = () => {
  const shared = SharedState.make()
  const main = new SharedState(shared)
  const messages: Array<Extract<FromThread, readonly ["telemetry", ...ReadonlyArray<unknown>]>> = []
  let added = 0
  const buffer = new TelemetryBuffer(new SharedState(shared), () => added++)
  const collect = () =>
    buffer.collect((message) => {
      assert(message[0] === "telemetry")
      messages.push(message)
    })
  const texts = () =>
    messages.flatMap(([, records]) => records.map(([, record]) => "text" in record ? Number(record.text) : NaN))
  return { added: () => added, buffer, collect, main, messages, texts }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe("TelemetryBuffer", () => {
  it("sends records in order, and tells of each", () => {
    const { added, buffer, collect, messages, texts } = make()
    for (const n of numbers(0, 10)) buffer.add(print(n))
    assert.strictEqual(added(), 10)
    collect()
    collect()
    assert.strictEqual(messages.length, 1)
    assert.deepStrictEqual(texts(), numbers(0, 10))
  })

  it("withholds records beyond those in flight, drops the oldest of too many, and counts them once", () => {
    const { buffer, collect, main, messages, texts } = make()
    for (const n of numbers(0, 1000)) buffer.add(print(n))
    collect()
    assert.strictEqual(texts().length, SharedState.maxTelemetry)
    for (const n of numbers(1000, 2300)) {
      buffer.add(print(n))
      collect()
    }
    assert.strictEqual(messages.length, 1)
    // The main thread is to tell of the first free place, once.
    assert.isTrue(main.releaseTelemetry())
    assert.isFalse(main.releaseTelemetry())
    collect()
    assert.deepStrictEqual(texts().slice(1000), [1300, 1301])
    assert.deepStrictEqual(messages.map(([, , dropped]) => dropped), [0, 300])
    assert.isTrue(main.releaseTelemetry())
    collect()
    assert.deepStrictEqual(messages.map(([, , dropped]) => dropped), [0, 300, 0])
    assert.deepStrictEqual(texts().slice(1000), [1300, 1301, 1302])
  })

  it("does not miss a place that becomes free while it finds that there is none", () => {
    let places = 0
    const calls: Array<string> = []
    const messages: Array<FromThread> = []
    const buffer = new TelemetryBuffer(
      {
        acquireTelemetry: () => {
          calls.push("acquire")
          return places-- > 0
        },
        withholdTelemetry: () => {
          calls.push("withhold")
          // The last record in flight was released just before, without the flag.
          places = 1
        }
      },
      () => {}
    )
    buffer.add(print(0))
    buffer.collect((message) => messages.push(message))
    assert.deepStrictEqual(calls, ["acquire", "withhold", "acquire"])
    assert.strictEqual(messages.length, 1)
  })
})
