import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type * as Executor from "papyros/Executor"
import type { Handler } from "../../../src/internal/handlers/handler.ts"
import { RunningTask } from "../../../src/internal/local/runningTask.ts"
import { Slots } from "../../../src/internal/local/slots.ts"

const chunk = { items: [{ depth: 0 }] } as unknown as Executor.Chunk

const make = (concurrency: number) => {
  let told = 0
  const slots: Slots = new Slots(concurrency, () => told++)
  const start = () => {
    slots.occupy(0)
    return new RunningTask(slots, {} as Executor.Scheduler, {} as Handler, chunk, 0)
  }
  const end = (task: RunningTask) => {
    task.over = true
    slots.release(task.depth, task.lent)
  }
  return { end, slots, start, told: () => told }
}

describe("Slots", () => {
  it("gives the slot of a task that waits to others, and back before anything new starts", () => {
    const { end, slots, start, told } = make(1)
    const parent = start()
    assert.strictEqual(slots.free, 0)
    parent.lendSlot()
    assert.strictEqual(told(), 1)
    assert.strictEqual(slots.free, 1)
    assert.strictEqual(slots.takeLender(), parent)
    assert.isUndefined(slots.takeLender())
    const child = start()
    let went = 0
    parent.resume(() => went++)
    assert.isFalse(slots.resumeReturning())
    assert.strictEqual(went, 0)
    end(child)
    assert.isFalse(slots.resumeReturning())
    assert.strictEqual(went, 1)
    assert.strictEqual(slots.free, 0)
    end(parent)
    assert.isTrue(slots.allFree)
  })

  it("keeps a slot lent until the last fiber of the task that waits goes on", () => {
    const { slots, start } = make(1)
    const parent = start()
    parent.lendSlot()
    parent.lendSlot()
    assert.strictEqual(slots.free, 1)
    let went = 0
    // One fiber goes on beside the one that waits, without a slot.
    parent.resume(() => went++)
    assert.strictEqual(went, 1)
    assert.strictEqual(slots.free, 1)
    parent.resume(() => went++)
    assert.strictEqual(went, 1)
    slots.resumeReturning()
    assert.strictEqual(went, 2)
    assert.strictEqual(slots.free, 0)
  })

  it("does not keep a task that is being stopped, or has ended, from unwinding", () => {
    for (const what of ["stopping", "over"] as const) {
      const { end, slots, start } = make(1)
      const parent = start()
      parent.lendSlot()
      const child = start()
      let went = 0
      if (what === "stopping") parent.stopping = "cancelled"
      else end(parent)
      parent.resume(() => went++)
      assert.strictEqual(went, 1)
      if (what === "stopping") end(parent)
      assert.strictEqual(slots.free, 0)
      end(child)
      assert.strictEqual(slots.free, 1)
    }
  })

  it("keeps the slot lent of a task that waits again, or ends, before it has its slot again", () => {
    for (const event of ["waits", "ends"] as const) {
      const { end, slots, start } = make(1)
      const parent = start()
      parent.lendSlot()
      parent.lendSlot()
      parent.resume(() => {})
      const child = start()
      let went = 0
      parent.resume(() => went++)
      if (event === "waits") parent.lendSlot()
      else end(parent)
      end(child)
      assert.isTrue(slots.resumeReturning())
      assert.strictEqual(went, 1)
      assert.isTrue(parent.lent)
      assert.strictEqual(slots.free, 1)
    }
  })

  it("counts tasks by depth, lent or not", () => {
    const { slots, start } = make(3)
    start().lendSlot()
    start()
    assert.strictEqual(slots.capacityAt(0), 1)
    assert.strictEqual(slots.capacityAt(1), 3)
    assert.strictEqual(slots.free, 2)
  })

  it.prop(
    "never has more tasks without a lent slot than slots, and all slots free at the end",
    {
      concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
      steps: Schema.Array(
        Schema.Tuple([
          Schema.Literals(["start", "lend", "resume", "abandon", "end"]),
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))
        ])
      ).check(Schema.isMaxLength(40))
    },
    ({ concurrency, steps }) => {
      const { end, slots, start } = make(concurrency)
      /** Tasks, and how many of their fibers wait. */
      const tasks: Array<{ readonly task: RunningTask; waits: number }> = []
      let resumed = 0
      let resumptions = 0
      const check = () => {
        const own = tasks.filter(({ task }) => !task.over && !task.lent).length
        assert.isAtMost(own, concurrency)
        assert.strictEqual(slots.free, concurrency - own)
      }
      for (const [step, n] of steps) {
        const entry = tasks[n]
        if (step === "start") {
          if (slots.resumeReturning()) tasks.push({ task: start(), waits: 0 })
        } else if (entry !== undefined && !entry.task.over) {
          if (step === "lend") {
            // Only code that runs can wait: a task whose slot is lent and all of whose fibers wait does not.
            if (!entry.task.lent) {
              entry.waits++
              entry.task.lendSlot()
            }
          } else if (step === "end") {
            if (entry.waits === 0 && !entry.task.lent) end(entry.task)
          } else if (entry.waits > 0) {
            entry.waits--
            if (step === "abandon") entry.task.abandon()
            else {
              resumptions++
              entry.task.resume(() => resumed++)
            }
          }
          slots.resumeReturning()
        }
        check()
      }
      for (const entry of tasks) {
        while (entry.waits-- > 0) entry.task.abandon()
      }
      for (let turn = 0; turn < tasks.length; turn++) {
        slots.resumeReturning()
        for (const { task } of tasks) if (!task.over && !task.lent) end(task)
      }
      assert.isTrue(slots.allFree)
      assert.strictEqual(slots.capacityAt(0), concurrency)
      assert.strictEqual(resumed, resumptions)
    },
    { arbitrary: { runs: 1000 } }
  )
})
