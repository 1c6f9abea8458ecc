import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Executor from "papyros/Executor"
import * as Task from "papyros/Task"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import type { Commands, Events, RunCommand } from "../../../../src/internal/remote/protocol/messages.ts"
import {
  decodeAll,
  encodeFrames,
  fromNumbers16,
  toNumbers16
} from "../../../../src/internal/remote/protocol/payloads.ts"
import { ClientSession } from "../../../../src/internal/remote/worker/session.ts"
import { makeScheduler } from "../../../../src/internal/scheduler/opening.ts"
import { FakeWorker } from "../../../support/scheduler/fixtures.ts"

class Work extends Task.Class<Work>()("Work", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const tasks = new Map<string, Task.AnyClass>([["Work", Work]])
const catalog = new TaskCatalog(tasks)
const { payload: payloads, success: results } = catalog.values("Work")!

const encode = (codec: typeof payloads, values: ReadonlyArray<unknown>) => codec.encode(values, Infinity) as Uint8Array

const Step = Schema.Union([
  Schema.Struct({
    do: Schema.Literal("send"),
    size: Schema.Literals([1, 3, 16, 16, 40]),
    malformed: Schema.Literals([0, 0, 0, 1])
  }),
  Schema.Struct({ do: Schema.Literals(["take", "take"]) }),
  Schema.Struct({ do: Schema.Literal("send"), size: Schema.Literals([16, 40]), malformed: Schema.Literal(0) }),
  Schema.Struct({ do: Schema.Literal("cancel"), task: Schema.Int }),
  Schema.Struct({ do: Schema.Literals(["succeed", "succeed", "fail"]), chunk: Schema.Int, count: Schema.Int }),
  Schema.Struct({
    do: Schema.Literal("together"),
    chunk: Schema.Int,
    from: Schema.Literals([0, 0, 0, 2]),
    count: Schema.Int
  }),
  Schema.Struct({ do: Schema.Literal("requeue"), chunk: Schema.Int, from: Schema.Int }),
  Schema.Struct({ do: Schema.Literals(["lose", "steal"]), started: Schema.Int })
])

/** A chunk that a worker holds. */
interface Held {
  readonly chunk: Executor.Chunk
  /** The positions without a report. */
  readonly open: Set<number>
}

/** A session at a scheduler with one worker, and the answers to its client. */
const make = (concurrency: number) =>
  Effect.gen(function*() {
    const settings = { name: "test", boundary: "codec", maxChunk: 64 } as const
    const scheduler = yield* makeScheduler(tasks, settings, { maxWorkerLosses: 1, relays: true })
    const answers = new Map<string, string>()
    let wasWhole = 0
    const options = { catalog, maxTaskBytes: 8 << 20, worker: "w", slots: concurrency }
    const session = new ClientSession({ ...options, after: () => () => {}, onIdle: () => {} })
    const subscription = scheduler.subscribe(session)!
    session.subscribed(subscription)
    session.grant(1000)

    const held: Array<Held> = []
    class Worker extends FakeWorker {
      readonly takesEncoded = true
      override readonly cancel = (chunk: Executor.Chunk, at: number): void => {
        // It has not started, or stops at once.
        const of = held.find((one) => one.chunk === chunk)!
        if (!of.open.delete(at)) return
        if (at % 2 === 0) scheduler.requeue(chunk as never, at, at + 1)
        else scheduler.fail(chunk as never, at, { _tag: "Interrupted", trace: "" })
      }
    }
    const newWorker = () => new Worker({ concurrency, window: 100 })
    let worker = newWorker()
    scheduler.join(worker)

    const answer = (chunk: number, at: number, what: string) => {
      const key = `${chunk}/${at}`
      assert.isFalse(answers.has(key), `${key} is answered twice`)
      answers.set(key, what)
    }
    const receive = ({ outcomes, returned }: Partial<typeof Events.Type>) => {
      for (const { chunk, failures, succeeded, values } of outcomes ?? []) {
        const positions = fromNumbers16(succeeded)
        const [decoded] = decodeAll(values.length === 0 ? [new Uint8Array()] : values, positions.map(() => 0), [
          results
        ])
        positions.forEach((at, i) => answer(chunk, at, `${(decoded as ReadonlyArray<unknown>)[i]}`))
        for (const { at, failure } of failures) answer(chunk, at, failure._tag)
      }
      for (const { at, chunk } of returned ?? []) answer(chunk, at, "returned")
    }
    let sequence = 0
    const command = (more: Partial<typeof Commands.Type>) => {
      session.onCommands({ seq: ++sequence, ack: 0, runs: [], confirmed: [], cancels: [], steal: false, ...more })
      // The bytes of a frame are valid until the connection reads on.
      for (const { payloads } of more.runs ?? []) for (const bytes of payloads) bytes.fill(0xff)
    }

    return {
      scheduler,
      session,
      held,
      answers,
      command,
      get whole() {
        return wasWhole
      },
      /** Receives all events. */
      drain: Effect.gen(function*() {
        for (let more = true; more;) {
          more = false
          const withdraw = session.events.onNext((message) => {
            more = true
            receive(message)
          })
          withdraw()
        }
      }),
      take: () => {
        const chunk = scheduler.take(worker, 64) as Executor.Chunk | undefined
        if (chunk === undefined) return false
        if (chunk.encoded !== undefined) wasWhole++
        held.push({ chunk, open: new Set(Array.from({ length: chunk.size }, (_, at) => at)) })
        return true
      },
      lose: (started: number) => {
        const lost = held.splice(0)
        const chunks = lost.map(({ chunk, open }) => ({ chunk, started: (at: number) => open.has(at) && at < started }))
        scheduler.leave(worker, { outOfMemory: false, chunks: chunks as never })
        worker = newWorker()
        scheduler.join(worker)
      }
    }
  })

const run = (chunk: number, size: number, malformed: boolean): typeof RunCommand.Type => {
  const values = Array.from({ length: size }, (_, at) => ({ n: chunk * 100 + at }))
  const [frame] = encodeFrames(values.map((value) => ({ nameIndex: 0, value })), [payloads], 1e9, () => {})
  return {
    chunk,
    first: 0,
    names: ["Work"],
    nameIndexes: toNumbers16(values.map(() => 0)),
    payloads: malformed ? [new Uint8Array([1, 2, 3])] : frame.values,
    confirmStart: false
  }
}

describe("SessionBlock", () => {
  let whole = 0

  it.effect.prop(
    "answers each task once, whatever happens to one task of a run alone",
    {
      steps: Schema.Array(Step).check(Schema.isMinLength(10), Schema.isMaxLength(60)),
      concurrency: Schema.Literals([1, 3])
    },
    ({ concurrency, steps }) =>
      Effect.gen(function*() {
        const made = yield* make(concurrency)
        const { answers, command, drain, held, lose, scheduler, session, take } = made
        const sent = new Map<string, string>()
        let chunks = 0
        const send = (size: number, malformed: boolean) => {
          const chunk = ++chunks
          for (let at = 0; at < size; at++) {
            sent.set(`${chunk}/${at}`, malformed ? "Undecodable" : `${chunk * 100 + at}`)
          }
          command({ runs: [run(chunk, size, malformed)] })
        }
        const succeed = ({ chunk, open }: Held, at: number) => {
          if (!open.delete(at)) return
          const { payload } = chunk.items[at] as { readonly payload: { readonly n: number } | undefined }
          scheduler.recordBusy([chunk.items[at]] as never, 1)
          if (payload === undefined) {
            return scheduler.fail(chunk as never, at, { _tag: "Undecodable", part: "payload", message: "" })
          }
          scheduler.succeed(chunk as never, at, payload.n)
        }
        const together = ({ chunk, open }: Held, from: number, count: number) => {
          const { encoded } = chunk
          if (encoded === undefined) return
          const start = Math.min(...open) + from
          let to = start
          while (to < start + count && open.has(to)) to++
          if (to === start) return
          let values: ReadonlyArray<{ readonly n: number }>
          try {
            values = payloads.decode(encoded.payloads, encoded.size) as ReadonlyArray<{ readonly n: number }>
          } catch {
            for (let at = start; at < to; at++) {
              open.delete(at)
              scheduler.fail(chunk as never, at, { _tag: "Undecodable", part: "payload", message: "" })
            }
            return
          }
          for (let at = start; at < to; at++) open.delete(at)
          encoded.succeed(start, to, encode(results, values.slice(start, to).map(({ n }) => n)), to - start)
        }
        // The time of a task is known before the first run that can stay whole.
        send(1, false)
        take()
        succeed(held[0], 0)
        for (const step of steps) {
          const alive = held.filter(({ open }) => open.size > 0)
          const of = "chunk" in step && alive.length > 0 ? alive[Math.abs(step.chunk) % alive.length] : undefined
          if (step.do === "send") send(step.size, step.malformed === 1)
          else if (step.do === "take") take()
          else if (step.do === "cancel") {
            const [key] = Array.from(sent.keys()).slice(Math.abs(step.task) % sent.size)
            const [chunk, at] = key.split("/").map(Number)
            command({ cancels: [{ chunk, at }] })
          } else if (step.do === "steal") {
            command({ steal: true })
          } else if (step.do === "lose") {
            lose(Math.abs(step.started) % 5)
          } else if (of === undefined) continue
          else if (step.do === "together") together(of, step.from, 1 + Math.abs(step.count) % 50)
          else if (step.do === "requeue") {
            const from = Math.abs(step.from) % of.chunk.size
            for (let at = from; at < of.chunk.size; at++) {
              if (of.open.delete(at)) scheduler.requeue(of.chunk as never, at, at + 1)
            }
          } else {
            const [at] = of.open
            if (step.do === "succeed") succeed(of, at)
            else {
              of.open.delete(at)
              scheduler.fail(of.chunk as never, at, { _tag: "Interrupted", trace: "" })
            }
          }
          const { running, waiting, workers: [{ assigned }] } = scheduler.status
          // A task whose payload cannot be decoded has its outcome before its worker is told.
          if (!steps.some((step) => step.do === "send" && step.malformed === 1)) {
            assert.strictEqual(running + waiting, session.unsettled)
          }
          const open = held.reduce((sum, { open }) => sum + open.size, 0)
          assert.strictEqual(assigned, open)
          assert.isAtMost(running, concurrency)
          if (assigned > 0) assert.isAtLeast(running, 1)
        }
        // Takes and ends everything that is left.
        for (let rounds = 0; session.busy || held.some(({ open }) => open.size > 0); rounds++) {
          assert.isBelow(rounds, 10_000)
          const alive = held.find(({ open }) => open.size > 0)
          if (alive !== undefined) {
            const [at] = alive.open
            if (alive.open.size % 2 === 0 && alive.chunk.encoded !== undefined) together(alive, 0, alive.open.size)
            else succeed(alive, at)
          } else if (!take()) yield* Effect.yieldNow
        }
        yield* drain
        assert.strictEqual(answers.size, sent.size)
        for (const [key, expected] of sent) {
          const answered = answers.get(key)!
          const isExpected = answered === expected || ["returned", "Interrupted", "WorkerLost"].includes(answered)
          assert.isTrue(isExpected, `${key}: ${answered}, expected ${expected}`)
        }
        const { running, waiting, workers: [{ assigned }] } = scheduler.status
        assert.deepStrictEqual([running, waiting, assigned], [0, 0, 0])
        whole += made.whole
      }),
    { arbitrary: { runs: 300 } }
  )

  it("is what most runs of short tasks are", () => {
    assert.isAbove(whole, 200)
  })
})
