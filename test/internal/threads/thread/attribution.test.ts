import { assert, describe, it } from "@effect/vitest"
import { Attribution } from "../../../../src/internal/threads/thread/attribution.ts"
import { RunningTask } from "../../../../src/internal/threads/thread/runningTask.ts"
import type { ThreadRequest } from "../../../../src/internal/threads/thread/threadRequest.ts"

const task = () => new RunningTask({} as ThreadRequest, 0, 0)

/** In a turn of the event loop of its own, the culprit that asynchronous work started there has later. */
const inTurn = (body: (attribution: Attribution, later: () => Promise<unknown>) => ReadonlyArray<Promise<unknown>>) =>
  new Promise<ReadonlyArray<unknown>>((resolve, reject) => {
    setImmediate(() => {
      const attribution = new Attribution()
      const later = () => new Promise((done) => setTimeout(() => done(attribution.culprit()), 1))
      Promise.all(body(attribution, later)).then(resolve, reject)
    })
  })

describe("Attribution", () => {
  it("finds the task that started asynchronous work, while it runs", async () => {
    const [first, second] = [task(), task()]
    const culprits = await inTurn((attribution, later) => {
      attribution.enter(first)
      const ofFirst = later()
      attribution.enter(second)
      return [ofFirst, later()]
    })
    assert.strictEqual(culprits[0], first)
    assert.strictEqual(culprits[1], second)
  })

  it("finds no task once it is over", async () => {
    const over = task()
    const culprits = await inTurn((attribution, later) => {
      attribution.enter(over)
      const ofOver = later()
      over.end()
      return [ofOver]
    })
    assert.deepStrictEqual(culprits, [undefined])
  })

  it("finds a task that suspends unexpectedly, if no other has ended under its mark", async () => {
    const suspends = task()
    const culprits = await inTurn((attribution, later) => {
      const mark = attribution.enterCommon()
      const of = later()
      attribution.suspended(suspends, mark)
      // Those after it have another mark.
      attribution.enterCommon().task = task()
      return [of]
    })
    assert.deepStrictEqual(culprits, [suspends])
  })

  it("is ambiguous where others had ended under the mark of a task that suspends", async () => {
    const suspends = task()
    const culprits = await inTurn((attribution, later) => {
      attribution.enterCommon()
      const mark = attribution.enterCommon()
      const of = later()
      attribution.suspended(suspends, mark)
      return [of]
    })
    assert.deepStrictEqual(culprits, ["ambiguous"])
  })

  it("blames nobody for work of tasks that all ended at once", async () => {
    const culprits = await inTurn((attribution, later) => {
      attribution.enterCommon()
      const first = later()
      attribution.enterCommon()
      return [first, later()]
    })
    assert.deepStrictEqual(culprits, [undefined, undefined])
  })

  it("enters another mark in another turn", () => {
    const attribution = new Attribution()
    const mark = attribution.enterCommon()
    assert.strictEqual(attribution.enterCommon(), mark)
    attribution.startTurn()
    assert.notStrictEqual(attribution.enterCommon(), mark)
  })
})
