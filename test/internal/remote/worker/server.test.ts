import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { handlersUrl, Tasks } from "papyros/testing"
import { PROTOCOL, WorkerRpcs } from "../../../../src/internal/remote/protocol/messages.ts"
import { Registry } from "../../../../src/internal/remote/registry/registry.ts"
import { connect } from "../../../../src/internal/remote/transport/connect.ts"
import * as RpcClient from "../../../../src/internal/remote/transport/rpcClient.ts"
import { serve } from "../../../../src/internal/remote/worker/server.ts"
import type { PoolExecutor } from "../../../../src/internal/threads/main/executor.ts"
import { checkPool } from "../../../../src/internal/threads/main/options.ts"
import { freePort } from "../../../support/remote/processes.ts"
import { logs, until } from "../../../support/remote/sockets.ts"

const MiB = 1024 * 1024

/** Nothing that runs tasks. */
const threads: PoolExecutor = { name: "none", boundary: "codec", maxChunk: 1, open: () => Effect.void }

const registry = Registry.of({ register: () => Effect.void, members: Stream.never })

/** A worker, and the calls of a client that has not sent a handshake. */
const make = Effect.gen(function*() {
  const port = yield* freePort
  const { layer, lines } = logs()
  yield* serve(registry, {
    pool: checkPool(Tasks, { handlers: handlersUrl, size: 1 }),
    secret: undefined,
    workerGroup: "g",
    host: "127.0.0.1",
    port,
    advertise: { host: "127.0.0.1", port: undefined },
    drainTimeout: 0,
    maxTaskBytes: MiB
  }, threads).pipe(Effect.provide(layer))
  const connection = yield* connect({
    host: "127.0.0.1",
    port,
    secret: undefined,
    identity: { role: "client", group: "g" },
    connectTimeout: 5000,
    heartbeatTimeout: undefined
  })
  const opened = yield* Deferred.make<void>()
  const { client } = yield* RpcClient.make(WorkerRpcs, connection, {
    maxFrameSize: 5 * MiB,
    onMessage: () => Effect.asVoid(Deferred.succeed(opened, undefined))
  })
  const session = { session: "s", resume: false, received: 0, maxTaskBytes: MiB }
  const stream = Stream.runDrain(client.Events(session))
  const open = Effect.exit(Effect.raceFirst(stream, Deferred.await(opened)))
  return { client, connection, lines, open, opened, stream }
})

describe("A worker process", () => {
  it.live("tells a client of another protocol its own, and takes no other call of it", () =>
    Effect.gen(function*() {
      const { client, lines, open } = yield* make
      const answer = yield* client.Handshake({ protocol: PROTOCOL - 1, version: "0.0.1" })
      assert.deepInclude(answer, { protocol: PROTOCOL, fingerprints: [] })
      const refused = lines.filter(({ level, text }) => level === "Warn" && text.startsWith("Refused 127.0.0.1:"))
      assert.deepStrictEqual(refused.map(({ text }) => /protocol (\d+)\)/.exec(text)?.[1]), [`${PROTOCOL - 1}`])
      assert.isTrue(Exit.isFailure(yield* open))
    }))

  it.live("opens a session only after the handshake", () =>
    Effect.gen(function*() {
      const { client, open } = yield* make
      assert.isTrue(Exit.isFailure(yield* open))
      const answer = yield* client.Handshake({ protocol: PROTOCOL, version: "0.0.1" })
      assert.isString(answer.incarnation)
      const opened = yield* open
      assert.isTrue(Exit.isSuccess(opened))
    }))

  it.live("logs why it has lost a client", () =>
    Effect.gen(function*() {
      const { client, connection, lines, opened, stream } = yield* make
      yield* client.Handshake({ protocol: PROTOCOL, version: "0.0.1" })
      yield* Effect.forkChild(Effect.ignore(stream))
      yield* Deferred.await(opened)
      assert.isUndefined(lines.find(({ text }) => text.includes("lost")))
      yield* connection.close
      const lost = /^The connection to client 127\.0\.0\.1:\d+ is lost: closed by the peer$/
      yield* until(() => lines.some(({ text }) => lost.test(text)))
    }))
})
