import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { AckTimes } from "../../../../src/internal/cluster/client/ackTimes.ts"
import { logs } from "../../../support/remote/sockets.ts"

describe("AckTimes", () => {
  it.effect("warns once when all of the last 20 calls were slow, and names the remedy", () =>
    Effect.gen(function*() {
      const { layer, lines } = logs()
      const times = new AckTimes()
      const add = (millis: number, calls: number) =>
        Effect.forEach(Array.from({ length: calls }), () => times.add(millis)).pipe(Effect.provide(layer))
      yield* add(40, 19)
      yield* add(1, 1)
      yield* add(44, 19)
      assert.strictEqual(lines.length, 0)
      yield* add(38, 100)
      assert.deepStrictEqual(lines.map(({ level }) => level), ["Warn"])
      assert.include(lines[0].text, "ClusterDispatcher.layerSocketServer")
    }))
})
