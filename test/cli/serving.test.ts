import { assert, describe, it } from "@effect/vitest"
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { connect } from "node:net"
import { pathToFileURL } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { PROTOCOL, WorkerRpcs } from "../../src/internal/remote/protocol/messages.ts"
import * as NameServerClient from "../../src/internal/remote/registry/client.ts"
import * as NameServer from "../../src/internal/remote/registry/server.ts"
import { listen } from "../../src/internal/remote/transport/listen.ts"
import { currentPeer } from "../../src/internal/remote/transport/peer.ts"
import * as RpcServer from "../../src/internal/remote/transport/rpcServer.ts"
import { localWorker } from "../support/remote/localWorker.ts"
import { freePort, nameServer, type Papyros, registered, worker } from "../support/remote/processes.ts"
import { localNameServer } from "../support/remote/testCluster.ts"
import * as SecretHandlers from "./fixtures/secretHandlers.ts"
import { Tasks, Wait } from "./fixtures/tasks.ts"
import { fixture, handlers, papyrosWith, parsed, spawned } from "./harness.ts"

const statusOf = (address: string, ...flags: ReadonlyArray<string>) =>
  papyrosWith(["status", "--name-server", address, ...flags])

/** Runs a task on the only worker, and waits until it runs. */
const waiting = Effect.fnUntraced(function*(nameServer: string, task: Wait) {
  const client = RemoteDispatcher.layer(Tasks, { nameServer }).pipe(Layer.provide(Logger.layer([])))
  const fiber = yield* Effect.forkScoped(Effect.provide(Dispatcher.run(task), client))
  yield* Effect.repeat(statusOf(nameServer, "--group", "default"), {
    // The columns from the running tasks to the busy share.
    until: ({ stdout }) => / 1 +0 +0 +0 +\d+ %/.test(stdout)
  })
  return fiber
})

const terminated = (process: Papyros) =>
  Effect.suspend(() => {
    process.kill("SIGTERM")
    return process.ended
  })

describe("a reader of stderr that has gone", { timeout: 120_000 }, () => {
  it.live("ends neither a name server nor a worker: they serve, and the worker drains", () =>
    Effect.gen(function*() {
      const server = yield* nameServer()
      const process = yield* worker(server.address, { handlers })
      yield* registered(process)
      for (const { child } of [server.process, process]) {
        child.stderr!.destroy()
        child.stdout!.destroy()
      }
      // The name server logs that it has registered.
      const other = {
        handlers: new URL("?quiet", pathToFileURL(handlers)),
        workerGroup: "other",
        nameServer: server.address
      }
      yield* (yield* localWorker(-1, Tasks, other)).registered
      const running = yield* waiting(server.address, new Wait({ millis: 3000 }))
      assert.deepStrictEqual(yield* terminated(process), { code: 0, signal: null })
      assert.isUndefined(yield* Fiber.join(running))
      assert.deepStrictEqual(yield* terminated(server.process), { code: 0, signal: null })
    }))
})

describe("--health", { timeout: 120_000 }, () => {
  const probe = (port: string, path: string) =>
    Effect.promise(async () => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return `${response.status} ${(await response.text()).trim()}`
    })

  const healthPort = (process: Papyros) => process.wrote(/Health endpoint on http:\/\/127\.0\.0\.1:(\d+)/)

  it.live("says that a worker lives, and that it is ready from its registration until it drains", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const process = yield* worker(`127.0.0.1:${port}`, { handlers, args: ["--health", "0"] })
      const health = yield* healthPort(process)
      yield* process.wrote(/trying again/)
      assert.strictEqual(yield* probe(health, "/live"), "200 live")
      assert.strictEqual(yield* probe(health, "/ready"), "503 not ready")
      assert.strictEqual(yield* probe(health, "/metrics"), "404 not found")
      const address = yield* localNameServer(port)
      yield* registered(process)
      yield* Effect.repeat(probe(health, "/ready"), { until: (answer) => answer === "200 ready" })
      // It ends with its client.
      const running = yield* waiting(address, new Wait({}))
      // A connection that sends nothing does not delay the end.
      const silent = connect(Number(health), "127.0.0.1").on("error", () => {})
      process.kill("SIGTERM")
      yield* process.wrote(/is draining/)
      assert.strictEqual(yield* probe(health, "/ready"), "503 not ready")
      assert.strictEqual(yield* probe(health, "/live"), "200 live")
      yield* Fiber.interrupt(running)
      // It would wait for 20 seconds.
      assert.deepStrictEqual(yield* Effect.timeout(process.ended, "15 seconds"), { code: 0, signal: null })
      silent.destroy()
    }))

  it.live("serves a name server at the address that is given", () =>
    Effect.gen(function*() {
      const { port, process } = yield* nameServer(0, { PAPYROS_HEALTH: "0" })
      const health = yield* healthPort(process)
      assert.strictEqual(yield* probe(health, "/ready"), "200 ready")
      const taken = yield* papyrosWith(["nameserver", "--port", "0", "--health", `127.0.0.1:${health}`])
      assert.strictEqual(taken.code, 2)
      assert.include(taken.stderr, `127.0.0.1:${health}: cannot listen: the address is in use (EADDRINUSE)`)
      assert.include(taken.stderr, "--health")
      const invalid = yield* papyrosWith(["nameserver", "--health", "70000"])
      assert.include(invalid.stderr, "a port of 127.0.0.1, or host:port")
      assert.isAbove(port, 0)
    }))
})

describe("--log-format", { timeout: 120_000 }, () => {
  const dated = /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] INFO /

  it.live("json writes one object a line, with its date, also for the output of Effect's loggers in handlers", () =>
    Effect.gen(function*() {
      const address = yield* localNameServer()
      const process = yield* worker(address, { handlers, args: ["--log-format", "json"] })
      const id = yield* process.wrote(/Worker (\S+) is registered/)
      process.kill("SIGTERM")
      yield* process.ended
      const lines = process.log.trimEnd().split("\n").filter((line) => line !== "loading")
      const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.isAbove(entries.length, 3)
      for (const { level, timestamp } of entries) {
        assert.strictEqual(level, "INFO")
        assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT.*Z$/)
      }
      assert.include(entries.map(({ message }) => message), `Worker ${id} is registered`)

      const refused = yield* spawned(["nameserver", "--host", "0.0.0.0", "--log-format", "json"], "")
      const { level, message } = JSON.parse(refused.stderr) as Record<string, unknown>
      assert.deepStrictEqual([refused.code, level], [2, "FATAL"])
      assert.include(String(message), "PAPYROS_SECRET")
    }))

  it.live("pretty, the default, writes lines with their dates, without colors where stderr is no terminal", () =>
    Effect.gen(function*() {
      for (const args of [[], ["--log-format", "pretty"]]) {
        const { process } = yield* nameServer(0, {}, args)
        for (const line of process.log.trimEnd().split("\n")) assert.match(line, dated)
      }
      const { stderr } = yield* papyrosWith(["nameserver", "--log-format", "xml"])
      assert.include(stderr, "json or pretty")
    }))
})

describe("the secret", { timeout: 120_000 }, () => {
  const secret = "c0ffee".repeat(8)

  it.live("cannot be read by handlers of `papyros run`, on any dispatcher", () =>
    Effect.gen(function*() {
      for (const dispatcher of ["dummy", "fiber", "pool"]) {
        const args = ["run", fixture("secretHandlers.ts"), "Reveal", "--dispatcher", dispatcher]
        const { stderr, stdout } = yield* spawned(args, "{}\n", { PAPYROS_SECRET: secret })
        assert.deepStrictEqual(parsed(stdout), [{ index: 0, success: [] }], dispatcher)
        assert.notInclude(stderr, secret)
      }
    }))

  it.live("cannot be read in the threads of a program that has it in its environment", () =>
    Effect.gen(function*() {
      yield* Effect.acquireRelease(
        Effect.sync(() => process.env.PAPYROS_SECRET = secret),
        () => Effect.sync(() => delete process.env.PAPYROS_SECRET)
      )
      const handlers = fixture("secretHandlers.ts")
      const layer = WorkerPoolDispatcher.layer(SecretHandlers.Tasks, { handlers: pathToFileURL(handlers), size: 1 })
      assert.deepStrictEqual(yield* Effect.provide(Dispatcher.run(new SecretHandlers.Reveal({})), layer), [])
      assert.strictEqual(process.env.PAPYROS_SECRET, secret)
    }))

  it.live("cannot be read by handlers of `papyros workers`", () =>
    Effect.gen(function*() {
      const env = { PAPYROS_SECRET: secret }
      const address = yield* localNameServer(0, Redacted.make(secret))
      yield* registered(yield* worker(address, { handlers: fixture("secretHandlers.ts"), env }))
      const args = ["run", fixture("secretHandlers.ts"), "Reveal", "--dispatcher", "remote", "--name-server", address]
      const { stdout } = yield* spawned(args, "{}\n", env)
      assert.deepStrictEqual(parsed(stdout), [{ index: 0, success: [] }])
    }))
})

describe("papyros status", { timeout: 120_000 }, () => {
  /** A worker that answers handshakes and pings, and nothing else. */
  const mute = Effect.fnUntraced(
    function*(asked: Deferred.Deferred<void>): Effect.fn.Return<number, unknown, Scope.Scope> {
      const server = yield* listen({
        host: "127.0.0.1",
        port: 0,
        secret: undefined,
        accepts: () => true,
        heartbeatTimeout: undefined
      })
      const offer = { worker: "mute", slots: 1, maxTaskBytes: 1024, fingerprints: [], valueFormat: 0 }
      const handlers = yield* Layer.build(WorkerRpcs.toLayer({
        Handshake: () =>
          Effect.map(currentPeer, (peer) => {
            peer.authenticate()
            return { protocol: PROTOCOL, version: "0.1.0", ...offer }
          }),
        Events: () => Stream.never,
        EndSession: () => Effect.void,
        Status: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never),
        Watch: () => Stream.never,
        Failure: () => Effect.never
      }))
      yield* Effect.provideContext(RpcServer.serve(WorkerRpcs, server, { maxFrameSize: 1024 * 1024 }), handlers)
      return "port" in server.address ? server.address.port : 0
    }
  )

  it.effect("does not wait for a worker that answers pings only", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const port = yield* mute(asked)
      const { address } = yield* NameServer.serve({ host: "127.0.0.1", port: 0, secret: undefined, grace: 0 })
      const at = { host: "127.0.0.1", port: "port" in address ? address.port : 0, secret: undefined }
      const { client } = yield* NameServerClient.open({ ...at, identity: { role: "worker", group: "g" } })
      const runner = Runner.make({ address: RunnerAddress.make("127.0.0.1", port), groups: ["g"], weight: 1 })
      const registration = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        Stream.runForEach(
          client.Register({ group: "g", runner, incarnation: "one" }),
          () => Deferred.succeed(registration, undefined)
        )
      )
      yield* Deferred.await(registration)
      const status = yield* Effect.forkChild(statusOf(`127.0.0.1:${at.port}`), { startImmediately: true })
      yield* Deferred.await(asked)
      // It asks twice, a second apart.
      yield* Effect.repeat(Effect.andThen(TestClock.adjust(1000), TestClock.withLive(Effect.sleep(5))), {
        until: () => status.pollUnsafe() !== undefined
      })
      const { code, stdout } = yield* Fiber.join(status)
      assert.strictEqual(code, 0)
      assert.match(stdout, /\ng +127\.0\.0\.1:\d+ +does not answer\n$/)
    }))
})
