import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Delivery } from "../../../../src/internal/threads/main/delivery.ts"
import { Requests } from "../../../../src/internal/threads/main/requests.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import { chunk, item, Recorder } from "./fixtures.ts"

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const unexpected = () => assert.fail("nothing is lost")

/** Looks for outcomes while a request is open, closes the request, and returns a payload of it. */
const openAndClose = (delivery: Delivery, requests: Requests, now: number): WeakRef<object> => {
  const payload = { bytes: new Uint8Array(8) }
  const request = requests.add(chunk([item(payload)]))
  requests.publish(request)
  delivery.check(now)
  requests.revoke(request)
  delivery.closed(request)
  requests.close(request)
  return new WeakRef(payload)
}

describe("Delivery", () => {
  it.live("keeps no item of a request that is closed", () =>
    Effect.gen(function*() {
      const requests = new Requests(
        new SharedState(SharedState.make()),
        { ...new Recorder(), requeue: () => {} } as never
      )
      const delivery = new Delivery(requests, unexpected, unexpected, unexpected)
      const payload = openAndClose(delivery, requests, 0)
      for (let i = 0; i < 100 && payload.deref() !== undefined; i++) {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10)))
        collectGarbage()
      }
      assert.isUndefined(payload.deref())
      // It must be alive until here.
      delivery.check(1000)
    }), 30_000)
})
