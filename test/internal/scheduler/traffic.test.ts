import { assert, describe, it } from "@effect/vitest"
import { Traffic } from "../../../src/internal/scheduler/traffic.ts"

describe("Traffic", () => {
  it("never falls, whatever a connection says", () => {
    const traffic = new Traffic()
    const connection = { sent: 100, received: 10 }
    const end = traffic.add(connection)
    traffic.add({ sent: 1, received: 1 })
    assert.deepStrictEqual([traffic.sent, traffic.received], [101, 11])
    // As a socket that is destroyed while bytes wait to be sent.
    connection.sent = 40
    assert.deepStrictEqual([traffic.sent, traffic.received], [101, 11])
    connection.sent = NaN
    connection.received = 20
    end()
    end()
    assert.deepStrictEqual([traffic.sent, traffic.received], [101, 21])
  })
})
