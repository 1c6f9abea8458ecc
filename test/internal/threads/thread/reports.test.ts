import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { fromColumns } from "../../../../src/internal/encoding/columns.ts"
import { noCopy } from "../../../../src/internal/handlers/copy.ts"
import { Handlers } from "../../../../src/internal/handlers/handlers.ts"
import type { HandlerOutcome } from "../../../../src/internal/handlers/outcome.ts"
import type { Done, FromThread, Results, RunRequest } from "../../../../src/internal/threads/protocol/messages.ts"
import { ThreadOutbox } from "../../../../src/internal/threads/protocol/outbox.ts"
import { SharedState } from "../../../../src/internal/threads/protocol/sharedState.ts"
import { Reports } from "../../../../src/internal/threads/thread/reports.ts"
import { ThreadRequest } from "../../../../src/internal/threads/thread/threadRequest.ts"
import { withoutUnclonable } from "../../../../src/internal/threads/thread/unclonable.ts"

const handlers = new Handlers(
  { tasks: new Map() } as unknown as ConstructorParameters<typeof Handlers>[0],
  Context.empty(),
  {} as ConstructorParameters<typeof Handlers>[2],
  "none",
  noCopy,
  {}
)

const message = (items: number, once = false): RunRequest => [
  "run",
  7,
  0,
  ["Task"],
  undefined,
  [[0, Array.from({ length: items }, (_, n) => n)]],
  once ? { attempts: undefined, timeouts: undefined, once, spans: undefined } : undefined
]

const make = (items: number, once = false) => {
  const state = new SharedState(SharedState.make())
  state.open(0, items)
  const posted: Array<ReadonlyArray<FromThread>> = []
  const outbox = new ThreadOutbox<FromThread>((messages) => posted.push(structuredClone(messages)), [withoutUnclonable])
  const reports = new Reports(state, outbox)
  return { outbox, posted, reports, request: new ThreadRequest(message(items, once), handlers), state }
}

const success = (value: unknown): HandlerOutcome => ({ _tag: "Success", value })

/** Each outcome of `done` messages by item. */
const outcomesOf = (posted: ReadonlyArray<ReadonlyArray<FromThread>>) => {
  const outcomes = new Map<number, unknown>()
  for (const [, id, results, failures] of posted.flat() as ReadonlyArray<Done>) {
    assert.strictEqual(id, 7)
    for (const { at, values } of results as ReadonlyArray<Results>) {
      fromColumns(values).forEach((value, i) => {
        const item = typeof at === "number" ? at + i : at[i]
        assert.isFalse(outcomes.has(item))
        outcomes.set(item, value)
      })
    }
    for (const [at, failure] of failures) {
      assert.isFalse(outcomes.has(at))
      outcomes.set(at, failure._tag)
    }
  }
  return outcomes
}

describe("Reports", () => {
  it.prop(
    "reports each outcome once and for its item, in whatever order items end",
    {
      order: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))),
      flushes: Schema.Array(Schema.Boolean)
    },
    ({ flushes, order }) => {
      const { posted, reports, request, state } = make(10)
      const ended = new Map<number, unknown>()
      for (const at of new Set(order)) {
        // Values of different shapes, which `handlerOf` gives in the thread, are in different groups.
        const outcome = at % 3 === 0 ? { _tag: "UnknownTask" } as const : success(`value ${at}`)
        reports.settle(request, at, outcome)
        ended.set(at, outcome._tag === "Success" ? outcome.value : outcome._tag)
        if (flushes[ended.size] === true) reports.send(request)
      }
      reports.send(request)
      assert.deepStrictEqual(outcomesOf(posted), ended)
      for (let at = 0; at < 10; at++) assert.strictEqual(state.hasEnded(0, at), ended.has(at))
    },
    { arbitrary: { runs: 500 } }
  )

  it("says once that no outcome follows, when all is claimed and nothing runs", () => {
    const { posted, reports, request, state } = make(2)
    state.claim(0)
    reports.settle(request, 0, success(1))
    request.running = 1
    reports.send(request)
    state.claim(0)
    reports.send(request)
    request.running = 0
    reports.settle(request, 1, success(2))
    reports.send(request)
    reports.send(request)
    assert.deepStrictEqual((posted.flat() as ReadonlyArray<Done>).map((done) => done[5]), [false, true])
  })

  it("says that no outcome follows also if there is none to send", () => {
    const { posted, reports, request, state } = make(2)
    state.claim(0)
    reports.settle(request, 0, success(1))
    reports.send(request)
    state.revoke(0)
    request.exhaust(1)
    assert.isTrue(request.revoked)
    assert.isTrue(request.reportable)
    reports.send(request)
    assert.isFalse(request.reportable)
    assert.deepStrictEqual((posted.flat() as ReadonlyArray<Done>).map((done) => done[5]), [false, true])
  })

  it("says with the last outcome that none follows, so that the slot is free for another request", () => {
    const { posted, reports, request, state } = make(1)
    state.claim(0)
    reports.settle(request, 0, success(1))
    reports.send(request)
    assert.deepStrictEqual((posted.flat() as ReadonlyArray<Done>).map((done) => done[5]), [true])
    assert.isTrue(request.exhausted)
    assert.isFalse(request.revoked)
  })

  it("sends each outcome at once if an item is not idempotent", () => {
    const { posted, reports, request } = make(3, true)
    for (let at = 0; at < 3; at++) {
      reports.settle(request, at, success(at))
      assert.strictEqual(posted.length, at + 1)
    }
  })

  it("sends what ends in one turn of the event loop in one array", async () => {
    const { posted, reports, request } = make(3)
    for (let at = 0; at < 3; at++) {
      reports.settle(request, at, success(at))
      reports.sendSoon(request)
    }
    assert.isTrue(reports.pending)
    assert.strictEqual(posted.length, 0)
    await new Promise((resolve) => setImmediate(resolve))
    assert.isFalse(reports.pending)
    assert.strictEqual(posted.length, 1)
    assert.strictEqual(outcomesOf(posted).size, 3)
  })

  it("fails the items alone whose results or errors cannot be cloned", () => {
    const { posted, reports, request } = make(4)
    reports.settle(request, 0, success(1))
    reports.settle(request, 1, success(() => {}))
    reports.settle(request, 2, { _tag: "Failed", error: Symbol("no"), trace: "" })
    reports.settle(request, 3, success(4))
    reports.send(request)
    assert.deepStrictEqual(
      outcomesOf(posted),
      new Map<number, unknown>([[0, 1], [3, 4], [2, "Undecodable"], [1, "Undecodable"]])
    )
    const [, , , failures] = posted[0][0] as Done
    assert.deepStrictEqual(
      failures.map(([at, failure]) => [at, failure._tag === "Undecodable" && failure.part]),
      [[2, "error"], [1, "success"]]
    )
  })
})
