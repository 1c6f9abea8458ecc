import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { Buffer } from "node:buffer"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import * as Dispatcher from "papyros/Dispatcher"
import { handlersUrl, Tasks } from "papyros/testing"
import { makeHandlers } from "../../../../src/internal/cluster/runner/serve.ts"
import { PROTOCOL } from "../../../../src/internal/remote/protocol/messages.ts"
import { encodeCommands } from "../../../../src/internal/remote/protocol/sessionMessages.ts"
import type { PoolExecutor } from "../../../../src/internal/threads/main/executor.ts"
import { checkPool } from "../../../../src/internal/threads/main/options.ts"
import { Square } from "../../../../src/testing/tasks.ts"
import { logs } from "../../../support/remote/sockets.ts"

/** Nothing that runs tasks. */
const threads: PoolExecutor = { name: "none", boundary: "codec", maxChunk: 1, open: () => Effect.void }

const make = Effect.gen(function*() {
  const { layer, lines } = logs()
  const pool = checkPool(Tasks, { handlers: handlersUrl, size: 1 })
  const { calls, drain } = yield* Effect.provide(
    makeHandlers({ pool, maxTaskBytes: 1024, drainTimeout: 0 }, threads, "runner"),
    layer
  )
  const { incarnation } = yield* calls.Hello({ protocol: PROTOCOL, version: "" })
  const session = { incarnation, session: "s" }
  const poll = (seq: number) => Effect.provide(calls.Poll({ ...session, seq, maxTaskBytes: 1024 }), layer)
  const send = (commands: Uint8Array) => Effect.provide(calls.Send({ ...session, commands }), layer)
  return { calls, drain, incarnation, lines, poll, send, session }
})

const nothing = { runs: [], confirmed: [], cancels: [], steal: false }

describe("A runner", () => {
  it.effect("offers nothing to a client of another protocol, and tells a draining one", () =>
    Effect.gen(function*() {
      const { calls, drain, lines } = yield* make
      const { handshake } = yield* calls.Hello({ protocol: PROTOCOL - 1, version: "0.0.1" })
      assert.deepInclude(handshake, { protocol: PROTOCOL, fingerprints: [] })
      assert.isFalse((yield* calls.Hello({ protocol: PROTOCOL, version: "" })).leaving)
      yield* drain
      assert.isTrue((yield* calls.Hello({ protocol: PROTOCOL, version: "" })).leaving)
      assert.deepStrictEqual(lines.filter(({ level }) => level === "Warn"), [])
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("logs once that it refuses clients of a version, though each client asks again and again", () =>
    Effect.gen(function*() {
      const { calls } = yield* make
      const { layer, lines } = logs()
      const ask = (version: string) => Effect.provide(calls.Hello({ protocol: PROTOCOL - 1, version }), layer)
      for (let i = 0; i < 10; i++) yield* ask("0.0.1\n")
      assert.lengthOf(lines, 1)
      assert.include(lines[0].text, "papyros 0.0.1\\u000a (protocol")
      for (let i = 0; i < 1000; i++) yield* ask(`1.${i}`)
      assert.lengthOf(lines, 100)
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("does nothing for a call that is meant for another runner, or for a session that it does not have", () =>
    Effect.gen(function*() {
      const { calls, poll, send, session } = yield* make
      const message = Buffer.concat(encodeCommands({ seq: 1, ack: 0, ...nothing }))
      assert.isFalse((yield* send(message)).known)
      assert.isFalse((yield* poll(2)).known)
      const elsewhere = { ...session, incarnation: "another" }
      assert.isFalse((yield* calls.Poll({ ...elsewhere, seq: 1, maxTaskBytes: 1024 })).known)
      assert.isTrue((yield* poll(1)).known)
      assert.isFalse((yield* calls.Send({ ...elsewhere, commands: message })).known)
      // It would have ended the session of this runner.
      yield* calls.Bye(elsewhere)
      assert.isTrue((yield* send(message)).known)
      yield* calls.Bye(session)
      assert.isFalse((yield* send(message)).known)
      // A late copy of the first poll does not open the session again.
      assert.isFalse((yield* poll(1)).known)
    }))

  const lies: Record<string, Uint8Array> = {
    "bytes that are no message": Uint8Array.of(1, 2, 3),
    "nothing": new Uint8Array(),
    "an acknowledgement of what was never sent": Buffer.concat(encodeCommands({ seq: 1, ack: 99, ...nothing }))
  }
  for (const [what, commands] of Object.entries(lies)) {
    it.effect(`ends the session of a client that sends ${what}, and says why`, () =>
      Effect.gen(function*() {
        const { lines, poll, send } = yield* make
        assert.isTrue((yield* poll(1)).known)
        assert.isFalse((yield* send(commands)).known)
        assert.isFalse((yield* poll(2)).known)
        assert.include(lines.find(({ level }) => level === "Warn")?.text, "Ended a session: invalid commands")
      }))
  }

  it.effect("handles a message that has overtaken another one when it is sent again", () =>
    Effect.gen(function*() {
      const { calls, poll, send, session } = yield* make
      const [first, second] = [1, 2].map((seq) => Buffer.concat(encodeCommands({ seq, ack: 0, ...nothing })))
      assert.isTrue((yield* poll(1)).known)
      assert.deepInclude(yield* send(second), { known: true, early: true })
      const park = yield* Effect.forkChild(calls.Poll({ ...session, seq: 2, maxTaskBytes: 1024, commands: first }), {
        startImmediately: true
      })
      assert.deepEqual(yield* send(second), { incarnation: session.incarnation, known: true })
      yield* calls.Bye(session)
      assert.isFalse((yield* Fiber.join(park)).known)
    }))

  it.effect("ends the session of a client whose polls have impossible numbers", () =>
    Effect.gen(function*() {
      for (const seq of [3, NaN, Infinity]) {
        const { poll } = yield* make
        assert.isTrue((yield* poll(1)).known)
        assert.isFalse((yield* poll(seq)).known, `${seq}`)
        assert.isFalse((yield* poll(2)).known)
      }
    }))
})

describe("ClusterDispatcher", () => {
  const worker = ClusterDispatcher.toLayer(Tasks, { handlers: handlersUrl, size: 1 })

  const defectOf = <E>(layer: Layer.Layer<never, E>) =>
    Effect.map(
      Effect.exit(Effect.scoped(Layer.build(Layer.provide(layer, Logger.layer([]))))),
      (exit) => Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : ""
    )

  it.live("dies where it would serve nothing: twice on one runner, and on a client", () =>
    Effect.gen(function*() {
      const twice = Layer.merge(worker, Layer.fresh(worker))
      assert.include(yield* defectOf(Layer.provide(twice, TestRunner.layer)), "serves this worker group already")
      const client = Sharding.layer.pipe(
        Layer.provide([Runners.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
        Layer.provide([MessageStorage.layerNoop, ShardingConfig.layer({ runnerAddress: Option.none() })])
      )
      assert.include(yield* defectOf(Layer.provide(worker, client)), "is that of a client")
    }))

  it.live("fails tasks with NoWorker where no runner serves the worker group", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(Dispatcher.run(new Square({ n: 1, pauses: 0 })))
      const reason = "reason" in failure ? failure.reason : undefined
      if (reason?._tag !== "NoWorker") return assert.fail(String(failure))
      assert.include(String(reason.cause), "no runner serves the worker group nobody")
    }).pipe(
      Effect.provide(
        ClusterDispatcher.layer(Tasks, { workerGroup: "nobody", noWorkerTimeout: 100 }).pipe(
          Layer.provide(worker),
          Layer.provide(TestRunner.layer),
          Layer.provide(Logger.layer([]))
        )
      )
    ))
})
