import { assert, describe, it } from "@effect/vitest"
import { type ThreadEvent, ThreadState, transitions } from "../../../../src/internal/threads/main/threadState.ts"

const allEvents: ReadonlyArray<ThreadEvent> = [
  "ready",
  "stalled",
  "progressed",
  "deadlinePassed",
  "deadlinesMet",
  "drained",
  "retire",
  "end",
  "ambiguousFault",
  "exit"
]

/** The state as independent facts, each with its own rule. */
class Facts {
  ready = false
  stalled = false
  overdue = false
  retiring = false
  ending = false
  ambiguous = false
  exited = false

  on(event: ThreadEvent): void {
    if (this.exited) return
    switch (event) {
      case "ready":
        this.ready = true
        return
      case "stalled":
      case "progressed":
        if (this.ready) this.stalled = event === "stalled"
        return
      case "deadlinePassed":
      case "deadlinesMet":
        if (this.ready) this.overdue = event === "deadlinePassed"
        return
      case "drained":
        this.stalled = this.overdue = false
        return
      case "retire":
        if (this.ready) this.retiring = true
        return
      case "end":
        this.ending = true
        return
      case "ambiguousFault":
        if (this.ready) this.ending = this.ambiguous = true
        return
      case "exit":
        this.exited = true
    }
  }

  get joined() {
    return this.ready && !this.exited
  }

  get acceptsWork() {
    return this.joined && !this.stalled && !this.overdue && !this.retiring && !this.ending
  }
}

describe("ThreadState", () => {
  it("answers as independent facts would, after every sequence of events", () => {
    const seen = new Set<string>()
    const paths: Array<ReadonlyArray<ThreadEvent>> = [[]]
    for (const path of paths) {
      const state = new ThreadState()
      const facts = new Facts()
      for (const event of path) {
        state.on(event)
        facts.on(event)
      }
      const where = `after ${path.join(", ")}`
      assert.strictEqual(state.acceptsWork, facts.acceptsWork, `acceptsWork ${where}`)
      assert.strictEqual(state.joined, facts.joined, `joined ${where}`)
      if (!facts.exited) {
        assert.strictEqual(state.ending, facts.ending, `ending ${where}`)
        assert.strictEqual(state.retiring, facts.retiring && !facts.ending, `retiring ${where}`)
        const attribution = facts.ambiguous ? "ambiguous" : facts.ending ? "nobody" : undefined
        assert.strictEqual(state.attribution, attribution, `attribution ${where}`)
      }
      // Goes on only from pairs of a state and facts that were not seen before.
      const pair = `${state.name} ${JSON.stringify(facts)}`
      if (seen.has(pair)) continue
      seen.add(pair)
      for (const event of allEvents) paths.push([...path, event])
    }
    assert.strictEqual(new Set(Array.from(seen, (pair) => pair.split(" ")[0])).size, Object.keys(transitions).length)
  })

  it("tells whether an event changed it", () => {
    const state = new ThreadState()
    const changed = (["stalled", "ready", "stalled", "stalled", "progressed", "progressed"] as const).map((event) =>
      state.on(event)
    )
    assert.deepStrictEqual(changed, [false, true, true, false, true, false])
  })

  it("can exit from every state, and reach every state", () => {
    const reached = new Set(["starting"])
    for (const [name, events] of Object.entries(transitions)) {
      if (name !== "exited") assert.strictEqual(events.exit, "exited", name)
      for (const next of Object.values(events)) reached.add(next)
    }
    assert.deepStrictEqual(reached, new Set(Object.keys(transitions)))
    assert.deepStrictEqual(transitions.exited, {})
  })
})
