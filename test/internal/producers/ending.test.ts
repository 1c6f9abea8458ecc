import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DispatcherClosed } from "../../../src/internal/errors.ts"
import { Ending, type EndingCause } from "../../../src/internal/producers/ending.ts"
import { entryOf } from "../../support/scheduler/fixtures.ts"

const failed: EndingCause = { _tag: "TaskFailed", entry: entryOf(3) }
const notATask: EndingCause = { _tag: "NotATask", defect: Cause.die("not a task") }
const closed: EndingCause = { _tag: "Error", error: new DispatcherClosed() }

const Step = Schema.Literals(["drain", "end", "end with a cause"])

describe("Ending", () => {
  it.effect.prop(
    "only moves forward, and keeps its cause once it has ended",
    { steps: Schema.Array(Step) },
    ({ steps }) =>
      Effect.sync(() => {
        const ending = new Ending()
        let ended: EndingCause | undefined
        let ends = 0
        for (const step of steps) {
          const { hasEnded, isOpen } = ending
          if (step === "drain") ending.drain(failed)
          else if (ending.end(step === "end" ? undefined : closed)) ends++
          if (!isOpen) assert.isFalse(ending.isOpen)
          if (hasEnded) assert.isTrue(ending.hasEnded)
          ended ??= ending.hasEnded ? ending.cause : undefined
          if (ending.hasEnded) assert.strictEqual(ending.cause, ended)
        }
        assert.strictEqual(ends, steps.some((step) => step !== "drain") ? 1 : 0)
      })
  )

  it("is open until it drains, and has ended only when it was ended", () => {
    const ending = new Ending()
    const phase = () => [ending.isOpen, ending.hasEnded]
    assert.deepStrictEqual(phase(), [true, false])
    ending.drain(notATask)
    assert.deepStrictEqual(phase(), [false, false])
    ending.end()
    assert.deepStrictEqual(phase(), [false, true])
    ending.workStopped()
    assert.deepStrictEqual(phase(), [false, true])
  })

  it("ends with the cause of its end, else with the one it drained for, else because it was closed", () => {
    const drained = new Ending()
    drained.drain(failed)
    drained.end()
    assert.strictEqual(drained.cause, failed)
    const replaced = new Ending()
    replaced.drain(failed)
    replaced.end(closed)
    assert.strictEqual(replaced.cause, closed)
    const plain = new Ending()
    plain.end()
    assert.strictEqual(plain.cause?._tag, "Closed")
  })

  it("allows retries until it has ended, but not after something that is not a task", () => {
    const drained = (cause: EndingCause) => {
      const ending = new Ending()
      ending.drain(cause)
      return ending
    }
    const ended = new Ending()
    ended.end()
    assert.deepStrictEqual(
      [new Ending(), drained(failed), drained(notATask), ended].map(({ allowsRetries }) => allowsRetries),
      [true, true, false, false]
    )
  })

  it("gives the failed task and the defect of the source only for their causes", () => {
    const ending = new Ending()
    ending.drain(notATask)
    assert.deepStrictEqual([ending.sourceDefect !== undefined, ending.failedEntry], [true, undefined])
    ending.drain(failed)
    assert.deepStrictEqual([ending.sourceDefect, ending.failedEntry?.index], [undefined, 3])
  })

  it("calls back when the work has stopped, before or after that", () => {
    const ending = new Ending()
    let stopped = 0
    ending.end()
    ending.whenStopped(() => stopped++)
    assert.strictEqual(stopped, 0)
    ending.workStopped()
    assert.strictEqual(stopped, 1)
    ending.whenStopped(() => stopped++)
    assert.strictEqual(stopped, 2)
  })
})
