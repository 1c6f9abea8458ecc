import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { TestClock } from "effect/testing"
import type * as Executor from "papyros/Executor"
import type { WorkerConnection } from "../../../../src/internal/remote/client/member.ts"
import { reconnectLoop } from "../../../../src/internal/remote/client/reconnecting.ts"
import type { ProcessHandle } from "../../../../src/internal/remote/client/workerHandle.ts"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { MAX_SLOTS } from "../../../../src/internal/remote/protocol/limits.ts"
import { type Events, type OpenSession, UnknownSession } from "../../../../src/internal/remote/protocol/messages.ts"
import { RemoteError, Unreachable } from "../../../../src/internal/remote/transport/error.ts"
import { logs } from "../../../support/remote/sockets.ts"

/** A connection that the test ends. */
interface Opened {
  readonly request: Omit<typeof OpenSession.Type, "maxTaskBytes">
  readonly end: Effect.Effect<boolean>
}

/** A loop of one worker, whose connections and whose registry are those of the test. */
const make = () => {
  const { layer, lines } = logs()
  const state = {
    isMember: true,
    reachable: true,
    silent: false,
    incarnation: "1",
    /** Whether the worker has the session. */
    knows: true,
    /** Whether the worker sends its first events. */
    answers: true,
    /** The number of the last commands that the worker says to have received. */
    ack: 0,
    slots: 1,
    /** Of each worker that has joined. */
    concurrency: [] as Array<number>,
    opened: [] as Array<Opened>,
    ended: 0,
    joins: 0,
    losses: 0
  }
  const connect = Effect.suspend((): Effect.Effect<WorkerConnection, RemoteError> => {
    if (!state.reachable) {
      const reason = new Unreachable({ address: "worker:1", message: "connection refused" })
      return Effect.fail(new RemoteError({ reason }))
    }
    const closed = Deferred.makeUnsafe<string>()
    return Effect.succeed({
      handshake: {
        protocol: 2,
        version: "",
        worker: "worker:1",
        slots: state.slots,
        maxTaskBytes: 1024,
        fingerprints: [],
        valueFormat: 0,
        incarnation: state.incarnation
      },
      events: (request, onEvents) => {
        if (request.resume && !state.knows) return Effect.fail(new UnknownSession())
        state.opened.push({ request, end: Deferred.succeed(closed, "cut") })
        const seq = request.received + 1
        const first: typeof Events.Type = { seq, ack: state.ack, outcomes: [], returned: [], claims: [], credit: 1 }
        return Effect.andThen(state.answers ? onEvents(first) : Effect.void, Effect.asVoid(Deferred.await(closed)))
      },
      end: () => Effect.sync(() => void state.ended++),
      isSilent: () => state.silent,
      closed: Deferred.await(closed),
      send: () => Effect.void
    })
  })
  const scheduler = {
    join: ({ concurrency }: Executor.WorkerHandle) => {
      state.joins++
      state.concurrency.push(concurrency)
    },
    leave: () => state.losses++,
    take: () => undefined,
    after: () => () => {},
    now: () => 0
  } as unknown as Executor.Scheduler
  const loop = reconnectLoop({
    options: { catalog: new TaskCatalog(new Map()), maxTaskBytes: 1024 },
    scheduler,
    connecting: Semaphore.makeUnsafe(1),
    isMember: () => state.isMember,
    joined: () => {},
    left: (handle: ProcessHandle) => handle.lost(),
    failed: () => {},
    forget: () => {}
  }, { address: "worker:1", connect })
  return { state, lines, start: Effect.forkChild(Effect.provide(loop, layer)) }
}

const cut = ({ opened }: { readonly opened: ReadonlyArray<Opened> }) => opened[opened.length - 1].end

describe("reconnectLoop", () => {
  it.effect("reckons with a bounded number of slots, whatever a worker offers", () =>
    Effect.gen(function*() {
      for (const [offered, used] of [[4, 4], [0, 1], [-5, 1], [1e9, MAX_SLOTS]]) {
        const { start, state } = make()
        state.slots = offered
        yield* start
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(state.concurrency, [used])
      }
    }))

  it.effect("goes on with the session of a worker that is back in time", () =>
    Effect.gen(function*() {
      const { lines, start, state } = make()
      yield* start
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([state.joins, state.opened[0].request.resume], [1, false])
      yield* cut(state)
      state.reachable = false
      yield* TestClock.adjust("6 seconds")
      // It is still registered.
      assert.strictEqual(state.losses, 0)
      state.reachable = true
      yield* TestClock.adjust("1 second")
      const [first, second] = state.opened
      assert.deepStrictEqual(second.request, { session: first.request.session, resume: true, received: 1 })
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual([state.joins, state.losses, state.opened.length], [1, 0, 2])
      const texts = lines.map(({ text }) => text)
      assert.include(texts, "The connection to worker worker:1 is lost: cut")
      // However often it was tried.
      assert.strictEqual(texts.filter((text) => text.includes("connection refused")).length, 1)
    }))

  it.effect("goes on with a session whose next connection is cut before the worker's answer", () =>
    Effect.gen(function*() {
      const { start, state } = make()
      yield* start
      yield* TestClock.adjust("1 second")
      state.answers = false
      yield* cut(state)
      yield* TestClock.adjust("1 second")
      yield* cut(state)
      state.answers = true
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(state.opened.map(({ request }) => request.resume), [false, true, true])
      assert.deepStrictEqual([state.joins, state.losses], [1, 0])
    }))

  it.effect("loses a worker that is not back in time, however often a connection is cut before its answer", () =>
    Effect.gen(function*() {
      const { start, state } = make()
      yield* start
      yield* TestClock.adjust("1 second")
      state.answers = false
      for (let second = 0; second < 8; second++) {
        assert.strictEqual(state.losses, 0)
        yield* cut(state)
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(state.losses, 1)
    }))

  const losses: Record<string, readonly [change: (state: ReturnType<typeof make>["state"]) => void, reason: string]> = {
    "is not back in time": [(state) => state.reachable = false, "it was not back within 8000 ms"],
    "is another process": [(state) => state.incarnation = "2", "another process has taken its place"],
    "has dropped the session": [(state) => state.knows = false, "it has dropped the session"],
    "sends what no worker sends": [
      (state) => state.ack = 7,
      "it sent invalid events: RangeError: a malformed acknowledgement"
    ],
    "was silent": [(state) => state.silent = true, "cut"],
    "is gone from the registry, too": [
      (state) => Object.assign(state, { reachable: false, isMember: false }),
      "it is not reachable, and not registered any more"
    ]
  }
  for (const [what, [change, reason]] of Object.entries(losses)) {
    it.effect(`loses a worker that ${what}`, () =>
      Effect.gen(function*() {
        const { lines, start, state } = make()
        yield* start
        yield* TestClock.adjust("1 second")
        change(state)
        yield* cut(state)
        yield* TestClock.adjust("7 seconds")
        assert.strictEqual(state.losses, what === "is not back in time" ? 0 : 1)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(state.losses, 1)
        assert.include(lines.map(({ text }) => text), `Worker worker:1 is lost: ${reason}`)
        // A worker that has answered is not said to be unreachable, unless it spoils a new session too.
        const spoilt = state.ack === 0 ? [] : [`No connection to worker worker:1: ${reason}`]
        const connects = lines.flatMap(({ text }) => text.startsWith("No connection") ? [text] : [])
        if (state.reachable) assert.deepStrictEqual(connects, spoilt)
        // Any further session is a new one, after the attempt to go on that was spoilt.
        for (const { request } of state.opened.slice(1 + spoilt.length)) assert.isFalse(request.resume)
      }))
  }
})
