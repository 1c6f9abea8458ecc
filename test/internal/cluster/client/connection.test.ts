import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Calls } from "../../../../src/internal/cluster/calls.ts"
import { AckTimes } from "../../../../src/internal/cluster/client/ackTimes.ts"
import { connect } from "../../../../src/internal/cluster/client/connection.ts"
import { Membership } from "../../../../src/internal/cluster/client/membership.ts"
import { PROTOCOL } from "../../../../src/internal/remote/protocol/messages.ts"
import { VERSION } from "../../../../src/internal/version.ts"

/** Connects to a runner of a name, which answers its other calls so. */
const connectTo = (worker: string, calls: Partial<Calls>) =>
  Effect.suspend(() => {
    const offer = { version: VERSION, slots: 1, maxTaskBytes: 1, fingerprints: [], valueFormat: 0 }
    const hello = { handshake: { ...offer, protocol: PROTOCOL, worker }, incarnation: "a", leaving: false }
    const at = () => ({ ...calls, Hello: () => Effect.succeed(hello) }) as unknown as Calls
    const membership = new Membership({ workerGroup: "default", ids: ["0"], at })
    membership.addresses.set("0", { incarnation: "a", offer: hello })
    return connect({ membership, incarnation: "a", maxTaskBytes: 1, ackTimes: new AckTimes() })
  })

/** Commands with a payload of this size. */
const commands = (bytes: number) => ({
  seq: 1,
  ack: 0,
  runs: [{
    chunk: 1,
    first: 0,
    names: ["Load"],
    nameIndexes: new Uint8Array(2),
    payloads: [new Uint8Array(bytes)],
    confirmStart: false
  }],
  confirmed: [],
  cancels: [],
  steal: false
})

describe("connect", () => {
  it.effect("makes the name that a runner gives itself safe to print", () =>
    Effect.gen(function*() {
      const connection = yield* connectTo("runner\u001b[2J\nWorker", {})
      assert.strictEqual(connection.handshake.worker, "runner\\u001b[2J\\u000aWorker")
    }))

  it.effect("sends a large message again later than a small one, and before the runner is lost", () =>
    Effect.gen(function*() {
      let sent = 0
      const Send = () => Effect.andThen(Effect.sync(() => sent++), Effect.never)
      const connection = yield* connectTo("runner", { Send })
      const small = yield* Effect.forkChild(connection.send(commands(10)), { startImmediately: true })
      yield* TestClock.adjust(1500)
      assert.strictEqual(sent, 2)
      small.interruptUnsafe()
      sent = 0
      yield* Effect.forkChild(connection.send(commands(8_000_000)), { startImmediately: true })
      yield* TestClock.adjust(4000)
      assert.strictEqual(sent, 1)
      yield* TestClock.adjust(1500)
      assert.strictEqual(sent, 2)
    }))
})
