import { assert, describe, it } from "@effect/vitest"
import { History } from "papyros/testing"

const accepted = (id: number, idempotent = true): History.Event => ({ _tag: "Accepted", id, idempotent })
const started = (id: number, worker: string, attempt = 1): History.Event => ({ _tag: "Started", id, worker, attempt })
const settled = (id: number, worker: string): History.Event => ({ _tag: "Settled", id, worker })
const lost = (worker: string, culprit?: number): History.Event => ({ _tag: "Lost", worker, culprit })
const outcome = (id: number, outcome: "success" | "failure" | "lost" = "success"): History.Event => ({
  _tag: "Outcome",
  id,
  outcome
})

const rules = (...events: ReadonlyArray<History.Event>) => History.check(events).map(({ id, rule }) => [rule, id])

describe("History", () => {
  it("finds nothing wrong with tasks that run once", () => {
    assert.deepStrictEqual(
      rules(
        accepted(1),
        accepted(2),
        started(2, "a"),
        started(1, "b"),
        settled(1, "b"),
        outcome(1),
        settled(2, "a"),
        outcome(2, "failure")
      ),
      []
    )
  })

  it("finds nothing wrong with a task that runs again after its worker was lost", () => {
    assert.deepStrictEqual(
      rules(accepted(1), started(1, "a"), lost("a"), started(1, "b", 2), settled(1, "b"), outcome(1)),
      []
    )
  })

  it("finds nothing wrong with a task that fails without having started", () => {
    assert.deepStrictEqual(rules(accepted(1), outcome(1, "failure")), [])
  })

  it("finds a task without an outcome", () => {
    assert.deepStrictEqual(rules(accepted(1), accepted(2), started(1, "a"), settled(1, "a"), outcome(1)), [["lost", 2]])
  })

  it("finds a task that was never accepted", () => {
    assert.deepStrictEqual(rules(outcome(7)), [["invented", 7]])
    assert.deepStrictEqual(rules(started(7, "a")), [["invented", 7]])
  })

  it("finds a success of a task that never started", () => {
    assert.deepStrictEqual(rules(accepted(1), outcome(1)), [["invented", 1]])
  })

  it("finds a second outcome", () => {
    assert.deepStrictEqual(
      rules(accepted(1), started(1, "a"), settled(1, "a"), outcome(1), outcome(1, "failure")),
      [["doubled", 1]]
    )
  })

  it("finds a start after the outcome", () => {
    assert.deepStrictEqual(
      rules(accepted(1), started(1, "a"), settled(1, "a"), outcome(1), started(1, "b", 2)),
      [["restart", 1]]
    )
  })

  it("finds a second start while the first worker lives, and after it has settled", () => {
    assert.deepStrictEqual(rules(accepted(1), started(1, "a"), started(1, "b", 2), outcome(1)), [["restart", 1]])
    assert.deepStrictEqual(
      rules(accepted(1), started(1, "a"), settled(1, "a"), lost("a"), started(1, "b", 2), outcome(1)),
      [["restart", 1]]
    )
  })

  it("finds a second start of a task that is not idempotent, even after a loss", () => {
    assert.deepStrictEqual(
      rules(accepted(1, false), started(1, "a"), lost("a"), started(1, "b", 2), outcome(1)),
      [["twice", 1]]
    )
  })

  it("finds attempts that do not count the starts", () => {
    assert.deepStrictEqual(rules(accepted(1), started(1, "a", 2), outcome(1)), [["attempt", 1]])
    assert.deepStrictEqual(
      rules(accepted(1), started(1, "a"), lost("a"), started(1, "b", 1), outcome(1)),
      [["attempt", 1]]
    )
  })

  it("finds a loss that is attributed to a task that lost no worker", () => {
    assert.deepStrictEqual(rules(accepted(1), started(1, "a"), settled(1, "a"), outcome(1, "lost")), [["blame", 1]])
    assert.deepStrictEqual(rules(accepted(1), lost("a"), outcome(1, "lost")), [["blame", 1]])
  })

  it("attributes a loss to the reported task or to the only running task, and demands WorkerLost only after maxWorkerLosses", () => {
    const alone = (attempt: number) => [started(1, `alone-${attempt}`, attempt), lost(`alone-${attempt}`)]
    assert.deepStrictEqual(rules(accepted(1), ...[1, 2, 3].flatMap(alone), outcome(1, "lost")), [])
    assert.deepStrictEqual(rules(accepted(1), ...[1, 2].flatMap(alone), outcome(1, "lost")), [["blame", 1]])
    const named = (attempt: number) => [
      started(1, `named-${attempt}`, attempt),
      started(10 + attempt, `named-${attempt}`),
      lost(`named-${attempt}`, 1),
      started(10 + attempt, "elsewhere", 2),
      outcome(10 + attempt)
    ]
    assert.deepStrictEqual(
      rules(accepted(1), accepted(11), accepted(12), accepted(13), ...[1, 2, 3].flatMap(named), outcome(1, "lost")),
      []
    )
  })

  it("finds a task that starts again after maxWorkerLosses losses", () => {
    const alone = (attempt: number) => [started(1, `alone-${attempt}`, attempt), lost(`alone-${attempt}`)]
    assert.deepStrictEqual(
      rules(accepted(1), ...[1, 2, 3].flatMap(alone), started(1, "b", 4), settled(1, "b"), outcome(1)),
      [["blame", 1]]
    )
  })

  it("attributes no loss when several tasks were running", () => {
    const together = (attempt: number) => [
      started(1, `w-${attempt}`, attempt),
      started(2, `w-${attempt}`, attempt),
      lost(`w-${attempt}`)
    ]
    assert.deepStrictEqual(
      rules(accepted(1), accepted(2), ...[1, 2, 3].flatMap(together), outcome(1, "lost"), outcome(2, "lost")),
      [["blame", 1], ["blame", 2]]
    )
  })

  it("allows WorkerLost after one loss for a task that is not idempotent", () => {
    assert.deepStrictEqual(rules(accepted(1, false), started(1, "a"), lost("a"), outcome(1, "lost")), [])
  })

  it("accepts another maxWorkerLosses", () => {
    const history = [accepted(1), started(1, "a"), lost("a"), outcome(1, "lost")]
    assert.lengthOf(History.check(history, { maxWorkerLosses: 1 }), 0)
    assert.lengthOf(History.check(history, { maxWorkerLosses: 2 }), 1)
  })
})
