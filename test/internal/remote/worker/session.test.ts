import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Task from "papyros/Task"
import * as TaskFailure from "papyros/TaskFailure"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { CHUNKS_PER_CREDIT, MAX_CHUNK } from "../../../../src/internal/remote/protocol/limits.ts"
import {
  type Commands,
  type Events,
  type RunCommand,
  UnknownSession
} from "../../../../src/internal/remote/protocol/messages.ts"
import { encodeFrames, FRAME_BYTES, toNumbers16 } from "../../../../src/internal/remote/protocol/payloads.ts"
import { type ClientConnection, ClientSessions } from "../../../../src/internal/remote/worker/sessions.ts"
import type { Producer, TaskEntry } from "../../../../src/internal/scheduler/producer.ts"
import type { Scheduler } from "../../../../src/internal/scheduler/scheduler.ts"
import { logs } from "../../../support/remote/sockets.ts"

class Work extends Task.Class<Work>()("Work", {
  payload: { n: Schema.Int },
  success: Schema.String,
  error: Schema.String
}) {}

const catalog = new TaskCatalog(new Map<string, Task.AnyClass>([["Work", Work]]))

/** A scheduler that runs nothing by itself. */
const makeScheduler = () => {
  const producers: Array<Producer> = []
  const timers: Array<() => void> = []
  let ended = 0
  const subscription = {
    ready: () => {},
    cancel: () => [],
    reclaim: () => [],
    end: (stopped: () => void) => {
      ended++
      stopped()
    }
  }
  const scheduler = {
    subscribe: (producer: Producer) => {
      producers.push(producer)
      return subscription
    },
    after: (_millis: number, f: () => void) => {
      timers.push(f)
      return () => {
        const at = timers.indexOf(f)
        if (at !== -1) timers.splice(at, 1)
      }
    },
    status: { failed: 0, running: 0, succeeded: 0, waiting: 0 }
  } as unknown as Scheduler
  return {
    scheduler,
    producers,
    /** The sessions that have ended. */
    ended: () => ended,
    /** Runs what is to run later. */
    fire: () => timers.splice(0).forEach((f) => f())
  }
}

const make = (options: { readonly slots?: number; readonly maxTaskBytes?: number } = {}) => {
  const made = makeScheduler()
  const { slots = 2, maxTaskBytes = 8 << 20 } = options
  const { layer, lines } = logs()
  const log = (entry: Effect.Effect<void>) => Effect.runSync(Effect.provide(entry, layer))
  const sessions = new ClientSessions({ scheduler: made.scheduler, catalog, worker: "w", slots, maxTaskBytes, log })
  return { ...made, sessions, lines }
}

const frameOf = (payloads: ReadonlyArray<unknown>) => {
  const [{ values }] = encodeFrames(
    payloads.map((value) => ({ nameIndex: 0, value })),
    [catalog.values("Work")?.payload],
    1e9,
    (_, why) => assert.fail(why)
  )
  return values
}

const run = (chunk: number, count = 1, more: Partial<typeof RunCommand.Type> = {}): typeof RunCommand.Type => ({
  chunk,
  first: 0,
  names: ["Work"],
  nameIndexes: toNumbers16(Array.from({ length: count }, () => 0)),
  payloads: frameOf(Array.from({ length: count }, (_, n) => ({ n }))),
  confirmStart: false,
  ...more
})

const commands = (seq: number, more: Partial<typeof Commands.Type>): typeof Commands.Type => ({
  seq,
  ack: 0,
  runs: [],
  confirmed: [],
  cancels: [],
  steal: false,
  ...more
})

interface Opening {
  readonly connection?: ClientConnection
  readonly session?: string
  readonly resume?: boolean
  readonly received?: number
  /** The number of the last commands that were sent before. */
  readonly sent?: number
}

const newConnection = (loss = "", isSilent = false): ClientConnection => ({ isSilent, loss, remoteAddress: "c:1" })

/** Opens a session, or goes on with it, over a connection that ends with the scope. */
const connect = (sessions: ClientSessions, opening: Opening = {}) =>
  Effect.gen(function*() {
    const { connection = newConnection(), received = 0, resume = false, sent = 0, session = randomUUID() } = opening
    let seq = sent
    const request = { session, resume, received, maxTaskBytes: 8 << 20 }
    const pull = yield* Stream.toPull(sessions.events(connection, request))
    const next = Effect.map(pull, ([events]): typeof Events.Type => events)
    const first = yield* next
    return {
      /** The next events. */
      next,
      first,
      session,
      send: (more: Partial<typeof Commands.Type> = {}) => sessions.onCommands(connection, commands(++seq, more))
    }
  })

/** Succeeds every task that may start. */
const settle = (producer: Producer, value: (entry: TaskEntry) => unknown) => {
  for (let entry = producer.next(); entry !== undefined; entry = producer.next()) {
    entry.value = value(entry)
    producer.settled(entry)
  }
}

describe("ClientSessions", () => {
  it.effect("grants clients that have tasks the credit of those that have none", () =>
    Effect.gen(function*() {
      const { fire, producers, sessions } = make({ slots: 8 })
      const [a, b, c, d] = yield* Effect.forEach([1, 2, 3, 4], () => connect(sessions))
      assert.deepStrictEqual([a, b, c, d].map(({ first }) => first.credit), [16, 16, 16, 16])
      a.send({ runs: [run(1)] })
      // The others may send as much as they would get with it.
      assert.strictEqual((yield* b.next).credit, 8)
      b.send({ runs: [run(1)] })
      assert.strictEqual((yield* a.next).credit, 8)
      assert.strictEqual((yield* c.next).credit, 5)
      settle(producers[1], () => "")
      assert.deepInclude((yield* b.next).outcomes[0], { chunk: 1 })
      // Its share is given to the others after a moment, since its next task may come at once.
      fire()
      assert.strictEqual((yield* a.next).credit, 16)
    }))

  it.effect("refuses more chunks than it has granted, and what no client sends", () =>
    Effect.gen(function*() {
      const { sessions } = make({ slots: 1 })
      const one = yield* connect(sessions)
      const most = CHUNKS_PER_CREDIT * one.first.credit!
      for (let chunk = 1; chunk <= most; chunk++) one.send({ runs: [run(chunk)] })
      assert.throws(() => one.send({ runs: [run(most + 1)] }), /more chunks than granted/)
      const other = yield* connect(sessions)
      const refused = (why: RegExp, ...runs: ReadonlyArray<typeof RunCommand.Type>) =>
        assert.throws(() => other.send({ runs }), why)
      refused(/a malformed chunk/, run(1, MAX_CHUNK + 1))
      const bad = { names: [], nameIndexes: new Uint8Array(), payloads: [] }
      for (const more of [bad, { first: -1 }, { first: 0.5 }, { chunk: NaN }, { attempts: [] }, { attempts: [0] }]) {
        refused(/a malformed run/, run(2, 1, more))
      }
      other.send({ runs: [run(5, 2), run(5, 1, { first: 3 })] })
      refused(/a task was sent twice/, run(5, 1, { first: 3 }))
      refused(/a chunk was sent again/, run(4))
      assert.throws(() => sessions.onCommands(newConnection(), commands(1, {})), /without a session/)
      const numbers = yield* connect(sessions)
      for (const seq of [2, -1, 0.5, NaN]) assert.throws(() => numbers.send({ seq }), /message/)
      for (const ack of [9, -1, 0.5, NaN]) assert.throws(() => numbers.send({ seq: 1, ack }), /acknowledgement/)
    }))

  it.effect("fails a task whose payload it cannot decode, and runs those beside it", () =>
    Effect.gen(function*() {
      const { producers, sessions } = make()
      const { next, send } = yield* connect(sessions)
      const payloads = [new Uint8Array([1, 2, 3])]
      send({ runs: [run(1, 2, { payloads }), run(2), run(3, 1, { names: ["Other"] })] })
      settle(producers[0], () => "done")
      const { outcomes } = yield* next
      const failures = outcomes.flatMap(({ chunk, failures }) =>
        failures.map(({ at, failure }) => [chunk, at, failure._tag])
      )
      assert.deepStrictEqual(failures, [[1, 0, "Undecodable"], [1, 1, "Undecodable"], [3, 0, "UnknownTask"]])
      assert.deepStrictEqual(outcomes.filter(({ succeeded }) => succeeded.length > 0).map(({ chunk }) => chunk), [2])
    }))

  it.effect("keeps every message below the limit of its client, whatever the sizes of results and failures", () =>
    Effect.gen(function*() {
      const { producers, sessions } = make()
      const { next, send } = yield* connect(sessions)
      const count = 64
      send({ runs: [run(1, count)] })
      const [producer] = producers
      for (let entry = producer.next(); entry !== undefined; entry = producer.next()) {
        const text = "x".repeat(entry.index % 8 === 0 ? 3e6 : 2e5)
        if (entry.index % 3 === 0) {
          const reason = new TaskFailure.Failed({ error: text })
          entry.failure = TaskFailure.make({ task: entry.task, attempt: 1, worker: "t", trace: "", reason })
        } else entry.value = text
        producer.settled(entry)
      }
      let received = 0
      while (received < count) {
        const { outcomes, seq } = yield* next
        let bytes = 0
        let items = 0
        for (const { failures, succeeded, values } of outcomes) {
          items += succeeded.length / 2 + failures.length
          for (const value of values) bytes += value.length
          for (const { failure } of failures) if (failure._tag === "Failed") bytes += failure.error.length
        }
        if (items > 1) assert.isAtMost(bytes, FRAME_BYTES)
        received += items
        // Without acknowledgements it would keep some MiB and wait.
        send({ ack: seq })
      }
      assert.strictEqual(received, count)
    }))

  it.effect("goes on over another connection: nothing is lost, and nothing is handled twice", () =>
    Effect.gen(function*() {
      const { ended, fire, producers, sessions } = make()
      const scope = yield* Scope.make()
      const before = yield* Scope.provide(connect(sessions), scope)
      const runs = [run(1, 2)]
      before.send({ runs })
      yield* Scope.close(scope, Exit.void)
      // Its tasks run on without a connection.
      settle(producers[0], ({ index }) => `${index}`)
      assert.strictEqual(ended(), 0)
      const { session } = before
      const after = yield* connect(sessions, { session, resume: true, received: 1 })
      // The client does not know whether the commands arrived, and sends them again.
      assert.strictEqual(after.first.ack, 1)
      after.send({ runs })
      assert.isUndefined(producers[0].next())
      assert.deepStrictEqual(after.first.outcomes.map(({ chunk, succeeded }) => [chunk, succeeded.length]), [[1, 4]])
      assert.strictEqual(after.first.seq, 2)
      fire()
      assert.strictEqual(ended(), 0)
      // The outcomes were not acknowledged: they are sent again.
      const third = yield* connect(sessions, { session, resume: true, received: 1, sent: 1 })
      assert.deepStrictEqual(third.first, after.first)
      // The second connection is ended, for which it does not wait.
      assert.isTrue(Exit.isFailure(yield* Effect.exit(after.next)))
      assert.throws(() => after.send(), /without a session/)
      third.send({ runs: [run(2)], ack: 2 })
      const fourth = yield* connect(sessions, { session, resume: true, received: 2, sent: 2 })
      assert.deepStrictEqual([fourth.first.seq, fourth.first.ack], [0, 2])
    }))

  it.effect("ends a session whose client is not back in time, says so, or was silent", () =>
    Effect.gen(function*() {
      const { ended, fire, sessions } = make()
      const away = Effect.scoped(Effect.map(connect(sessions), ({ session }) => session))
      const session = yield* away
      assert.strictEqual(ended(), 0)
      fire()
      assert.strictEqual(ended(), 1)
      const exit = yield* Effect.exit(connect(sessions, { session, resume: true }))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof UnknownSession)
      const connection = newConnection()
      sessions.end(yield* away)
      assert.strictEqual(ended(), 2)
      yield* connect(sessions, { connection })
      sessions.endOf(connection)
      assert.strictEqual(ended(), 3)
      yield* Effect.scoped(connect(sessions, { connection: newConnection("silence", true) }))
      assert.strictEqual(ended(), 4)
      // The number of those that wait is bounded. Those without tasks end first.
      const busy = yield* Effect.scoped(Effect.map(connect(sessions), ({ send, session }) => {
        send({ runs: [run(1)] })
        return session
      }))
      for (let i = 0; i < 100; i++) yield* away
      assert.strictEqual(sessions.status.clients, 64)
      yield* connect(sessions, { session: busy, resume: true, sent: 1 })
    }))

  it.effect("logs the cause of each loss, and nothing when a client leaves", () =>
    Effect.gen(function*() {
      const { fire, lines, sessions } = make()
      const away = (...loss: Parameters<typeof newConnection>) =>
        Effect.scoped(Effect.map(connect(sessions, { connection: newConnection(...loss) }), ({ session }) => session))
      sessions.end(yield* away())
      assert.deepStrictEqual(lines, [])
      yield* away("silence", true)
      assert.deepStrictEqual(lines.splice(0), [{ level: "Warn", text: "Client c:1 is lost: silence" }])
      yield* away("a reset")
      assert.deepStrictEqual(lines.splice(0), [{
        level: "Info",
        text: "The connection to client c:1 is lost: a reset"
      }])
      fire()
      const late = { level: "Warn", text: "Client c:1 is lost: it was not back within 8000 ms" }
      assert.deepStrictEqual(lines.splice(0), [late])
      for (let i = 0; i < 65; i++) yield* away()
      const many = "Client c:1 is lost: more than 64 clients have lost their connections"
      assert.deepStrictEqual(lines, [{ level: "Warn", text: many }])
    }))
})
