import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Task from "papyros/Task"
import * as TaskFailure from "papyros/TaskFailure"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { CHUNKS_PER_CREDIT, MAX_CHUNK } from "../../../../src/internal/remote/protocol/limits.ts"
import type { Commands, Events, RunCommand } from "../../../../src/internal/remote/protocol/messages.ts"
import { encodeFrames, FRAME_BYTES, toNumbers16 } from "../../../../src/internal/remote/protocol/payloads.ts"
import { ClientSessions } from "../../../../src/internal/remote/worker/sessions.ts"
import type { Producer, TaskEntry } from "../../../../src/internal/scheduler/producer.ts"
import type { Scheduler } from "../../../../src/internal/scheduler/scheduler.ts"

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
  const subscription = {
    ready: () => {},
    cancel: () => [],
    reclaim: () => [],
    end: (stopped: () => void) => stopped()
  }
  const scheduler = {
    subscribe: (producer: Producer) => {
      producers.push(producer)
      return subscription
    },
    after: (_millis: number, f: () => void) => {
      timers.push(f)
      return () => {}
    },
    status: { failed: 0, running: 0, succeeded: 0, waiting: 0 }
  } as unknown as Scheduler
  /** All tasks that a client may have started now, in order. */
  const started = (client: number): ReadonlyArray<TaskEntry> => {
    const entries: Array<TaskEntry> = []
    for (let next = producers[client].next(); next !== undefined; next = producers[client].next()) entries.push(next)
    return entries
  }
  return { scheduler, producers, started, fire: () => timers.splice(0).forEach((f) => f()) }
}

const make = (options: { readonly slots?: number; readonly maxTaskBytes?: number } = {}) => {
  const made = makeScheduler()
  const { slots = 2, maxTaskBytes = 8 << 20 } = options
  const sessions = new ClientSessions<object>({ scheduler: made.scheduler, catalog, worker: "w", slots, maxTaskBytes })
  return { ...made, sessions }
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

const commands = (more: Partial<typeof Commands.Type>): typeof Commands.Type => ({
  runs: [],
  confirmed: [],
  cancels: [],
  steal: false,
  ...more
})

/** Opens the session of a client; the events are those of its next message. */
const connect = (sessions: ClientSessions<object>, key: object) =>
  Effect.gen(function*() {
    const pull = yield* Stream.toPull(sessions.events(key, 8 << 20))
    const next = Effect.map(pull, ([events]): typeof Events.Type => events)
    const first = yield* next
    return { next, credit: first.credit }
  })

/** Succeeds every task that may have started. */
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
      const keys = [{}, {}, {}, {}]
      const clients = yield* Effect.forEach(keys, (key) => connect(sessions, key))
      assert.deepStrictEqual(clients.map(({ credit }) => credit), [16, 16, 16, 16])
      const [a, b] = clients
      sessions.onCommands(keys[0], commands({ runs: [run(1)] }))
      // The others may send as much as they would get with it.
      assert.strictEqual((yield* b.next).credit, 8)
      sessions.onCommands(keys[1], commands({ runs: [run(1)] }))
      assert.strictEqual((yield* a.next).credit, 8)
      assert.strictEqual((yield* clients[2].next).credit, 5)
      settle(producers[1], () => "")
      assert.deepInclude((yield* b.next).outcomes[0], { chunk: 1 })
      // Its share is given to the others after a moment, since its next task may come at once.
      fire()
      assert.strictEqual((yield* a.next).credit, 16)
    }))

  it.effect("refuses more chunks than it has granted, and chunks that no client sends", () =>
    Effect.gen(function*() {
      const { sessions } = make({ slots: 1 })
      const key = {}
      const { credit } = yield* connect(sessions, key)
      const send = (...runs: ReadonlyArray<typeof RunCommand.Type>) => sessions.onCommands(key, commands({ runs }))
      const most = CHUNKS_PER_CREDIT * credit!
      for (let chunk = 1; chunk <= most; chunk++) send(run(chunk))
      assert.throws(() => send(run(most + 1)), /more chunks than granted/)
      const other = {}
      yield* connect(sessions, other)
      const refused = (why: RegExp, ...runs: ReadonlyArray<typeof RunCommand.Type>) =>
        assert.throws(() => sessions.onCommands(other, commands({ runs })), why)
      refused(/a malformed chunk/, run(1, MAX_CHUNK + 1))
      const bad = { names: [], nameIndexes: new Uint8Array(), payloads: [] }
      for (const more of [bad, { first: -1 }, { first: 0.5 }, { chunk: NaN }, { attempts: [] }, { attempts: [0] }]) {
        refused(/a malformed run/, run(2, 1, more))
      }
      sessions.onCommands(other, commands({ runs: [run(5, 2), run(5, 1, { first: 3 })] }))
      refused(/a task was sent twice/, run(5, 1, { first: 3 }))
      refused(/a chunk was sent again/, run(4))
      assert.throws(() => sessions.onCommands({}, commands({})), /without a session/)
    }))

  it.effect("fails a task whose payload it cannot decode, and runs those beside it", () =>
    Effect.gen(function*() {
      const { producers, sessions } = make()
      const key = {}
      const { next } = yield* connect(sessions, key)
      const payloads = [new Uint8Array([1, 2, 3])]
      sessions.onCommands(key, commands({ runs: [run(1, 2, { payloads }), run(2), run(3, 1, { names: ["Other"] })] }))
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
      const key = {}
      const { next } = yield* connect(sessions, key)
      const count = 64
      sessions.onCommands(key, commands({ runs: [run(1, count)] }))
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
        const { outcomes } = yield* next
        let bytes = 0
        let items = 0
        for (const { failures, succeeded, values } of outcomes) {
          items += succeeded.length / 2 + failures.length
          for (const value of values) bytes += value.length
          for (const { failure } of failures) if (failure._tag === "Failed") bytes += failure.error.length
        }
        if (items > 1) assert.isAtMost(bytes, FRAME_BYTES)
        received += items
      }
      assert.strictEqual(received, count)
    }))
})
