import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Calls } from "../../../../src/internal/cluster/calls.ts"
import { AckTimes } from "../../../../src/internal/cluster/client/ackTimes.ts"
import { connect } from "../../../../src/internal/cluster/client/connection.ts"
import { Membership } from "../../../../src/internal/cluster/client/membership.ts"
import { PROTOCOL, VERSION } from "../../../../src/internal/remote/protocol/messages.ts"

describe("connect", () => {
  it.effect("makes the name that a runner gives itself safe to print", () =>
    Effect.gen(function*() {
      const offer = { version: VERSION, slots: 1, maxTaskBytes: 1, fingerprints: [], valueFormat: 0 }
      const handshake = { ...offer, protocol: PROTOCOL, worker: "runner\u001b[2J\nWorker" }
      const hello = { handshake, incarnation: "a", leaving: false }
      const at = () => ({ Hello: () => Effect.succeed(hello) }) as unknown as Calls
      const membership = new Membership({ workerGroup: "default", ids: ["0"], at })
      membership.addresses.set("0", { incarnation: "a", offer: hello })
      const connection = yield* connect({ membership, incarnation: "a", maxTaskBytes: 1, ackTimes: new AckTimes() })
      assert.strictEqual(connection.handshake.worker, "runner\\u001b[2J\\u000aWorker")
    }))
})
