import { assert, describe, it } from "@effect/vitest"
import { PersistenceError } from "effect/cluster/ClusterError"
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Identity from "../../../../src/internal/remote/auth/identity.ts"
import * as Secret from "../../../../src/internal/remote/auth/secret.ts"
import { NameServerRpcs, PROTOCOL } from "../../../../src/internal/remote/protocol/messages.ts"
import * as NameServerClient from "../../../../src/internal/remote/registry/client.ts"
import * as Registry from "../../../../src/internal/remote/registry/registry.ts"
import * as NameServer from "../../../../src/internal/remote/registry/server.ts"
import { connect } from "../../../../src/internal/remote/transport/connect.ts"
import { listen } from "../../../../src/internal/remote/transport/listen.ts"
import { currentPeer } from "../../../../src/internal/remote/transport/peer.ts"
import * as RpcClient from "../../../../src/internal/remote/transport/rpcClient.ts"
import * as RpcServer from "../../../../src/internal/remote/transport/rpcServer.ts"
import { logs, rawServer, until, untilSome } from "../../../support/remote/sockets.ts"

const host = "127.0.0.1"

const runner = (port: number, group = "g", of = "10.0.0.1") =>
  Runner.make({ address: RunnerAddress.make(of, port), groups: [group], weight: 2 })

const serve = (options: Partial<NameServer.NameServerOptions> = {}) =>
  Effect.map(
    NameServer.serve({ host, port: 0, secret: undefined, grace: 0, ...options }),
    ({ address }) => "port" in address ? address.port : 0
  )

const registry = (port: number, options: Partial<Registry.NameServerRegistryOptions> = {}) =>
  Registry.nameServer({ host, port, secret: undefined, group: "g", role: "client", ...options })

const portsOf = (runners: ReadonlyArray<Runner.Runner>) => runners.map(({ address }) => address.port).sort()

/** What the registry tells first. */
const viewOf = ({ members }: Registry.Registry["Service"]) =>
  Effect.flatMap(Stream.runHead(members), (first) => Effect.fromResult(Option.getOrThrow(first)))

const members = (registry: Registry.Registry["Service"]) => Effect.map(viewOf(registry), portsOf)

/** All that the registry tells from now on. */
const watch = Effect.fnUntraced(function*(registry: Registry.Registry["Service"]) {
  const views: Array<string> = []
  yield* registry.members.pipe(
    Stream.runForEach((view) =>
      Effect.sync(() => {
        views.push(Result.isSuccess(view) ? portsOf(view.success).join() : view.failure.reason._tag)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return views
})

const incarnation = "one"

/** The workers of a group, as one call. */
const listed = (client: NameServerClient.NameServerClient["client"], group: string) =>
  Effect.map(Stream.runHead(client.Watch({ group })), Option.getOrThrow)

/** The registered workers, once these are among them. */
const untilMembers = (registry: Registry.Registry["Service"], ports: ReadonlyArray<number>) =>
  untilSome(members(registry), (found) => found.join() === ports.join())

/** A connection of its own, on which the handshake has succeeded. */
const dial = (port: number, options: Partial<NameServerClient.NameServerClientOptions> = {}) =>
  NameServerClient.open({ host, port, secret: undefined, identity: { role: "worker", group: "g" }, ...options })

describe("the name server", () => {
  it.live("a worker is a member as long as its registration is open", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const port = yield* serve({ secret })
      const client = yield* registry(port, { secret })
      const worker = yield* registry(port, { secret, role: "worker" })
      assert.deepStrictEqual(yield* members(client), [])
      const scope = yield* Scope.make()
      yield* Scope.provide(worker.register(runner(1)), scope)
      yield* worker.register(runner(2))
      assert.deepStrictEqual(yield* viewOf(client), [runner(1), runner(2)])
      assert.instanceOf((yield* viewOf(client))[0], Runner.Runner)
      yield* Scope.close(scope, Exit.void)
      yield* untilMembers(client, [2])
    }))

  it.live("a registration ends with its connection", () =>
    Effect.gen(function*() {
      const port = yield* serve()
      const client = yield* registry(port)
      const scope = yield* Scope.make()
      const { client: worker } = yield* Scope.provide(dial(port), scope)
      yield* Effect.forkScoped(Stream.runDrain(worker.Register({ group: "g", runner: runner(1), incarnation })))
      yield* untilMembers(client, [1])
      yield* Scope.close(scope, Exit.void)
      yield* untilMembers(client, [])
    }))

  it.live("a registration ends when its worker says nothing any more", () =>
    Effect.gen(function*() {
      const port = yield* serve({ heartbeatTimeout: 300 })
      const client = yield* registry(port, { pingInterval: 20 })
      const { client: frozen } = yield* dial(port, { pingInterval: 1e9 })
      yield* Effect.forkScoped(Stream.runDrain(frozen.Register({ group: "g", runner: runner(1), incarnation })))
      yield* untilMembers(client, [1])
      yield* untilMembers(client, [])
    }))

  it.live("the end of a registration that was replaced does not end the new one", () =>
    Effect.gen(function*() {
      const port = yield* serve()
      const client = yield* registry(port)
      const register = Effect.fnUntraced(function*(runners: ReadonlyArray<Runner.Runner>) {
        const scope = yield* Scope.make()
        const { client } = yield* Scope.provide(dial(port), scope)
        for (const runner of runners) {
          yield* Effect.forkScoped(Stream.runDrain(client.Register({ group: "g", runner, incarnation })))
          yield* untilSome(listed(client, "g"), (found) => found.some((one) => Equal.equals(one, runner)))
        }
        return scope
      })
      const of = (weight: number) => Runner.make({ ...runner(1), weight })
      const first = yield* register([of(3), runner(2)])
      const second = yield* register([of(4)])
      assert.deepStrictEqual(yield* members(client), [1, 2])
      yield* Scope.close(first, Exit.void)
      yield* untilMembers(client, [1])
      assert.deepStrictEqual(yield* viewOf(client), [of(4)])
      yield* Scope.close(second, Exit.void)
      yield* untilMembers(client, [])
    }))

  it.live("two processes of one address are told apart, and the first is listed again when the second has left", () => {
    const { layer, lines } = logs()
    return Effect.gen(function*() {
      const port = yield* serve()
      const client = yield* registry(port)
      const of = (weight: number) => Runner.make({ ...runner(1), weight })
      yield* (yield* registry(port, { role: "worker" })).register(of(3))
      const scope = yield* Scope.make()
      yield* Scope.provide((yield* registry(port, { role: "worker" })).register(of(4)), scope)
      assert.deepStrictEqual(yield* viewOf(client), [of(4)])
      assert.strictEqual(
        lines.filter(({ level, text }) => level === "Warn" && text.includes("another process")).length,
        1
      )
      const views = yield* watch(client)
      yield* until(() => views.length === 1)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => views.length === 2)
      assert.deepStrictEqual(yield* viewOf(client), [of(3)])
    }).pipe(Effect.provide(layer))
  })

  it.live("tells its clients of workers that come and go, without being asked", () =>
    Effect.gen(function*() {
      const port = yield* serve()
      const client = yield* registry(port)
      const worker = yield* registry(port, { role: "worker" })
      const views = yield* watch(client)
      yield* until(() => views.length === 1)
      const scope = yield* Scope.make()
      yield* Scope.provide(worker.register(runner(1)), scope)
      yield* until(() => views.length === 2)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => views.length === 3)
      assert.deepStrictEqual(views, ["", "1", ""])
    }))

  it.live("says nothing to an operator until the workers that were there before could be back", () =>
    Effect.gen(function*() {
      const port = yield* serve({ grace: 3000 })
      const { client } = yield* dial(port)
      const groups = yield* Effect.forkScoped(client.Groups(), { startImmediately: true })
      const worker = yield* registry(port, { role: "worker" })
      yield* worker.register(runner(1))
      assert.isUndefined(groups.pollUnsafe())
      assert.deepStrictEqual((yield* Fiber.join(groups)).map(({ group }) => group), ["g"])
    }))

  it.live("after a restart on the same port no client loses sight of a worker, and new ones are seen at once", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const first = yield* Scope.make()
      const port = yield* Scope.provide(serve({ secret }), first)
      const client = yield* registry(port, { secret })
      const worker = yield* registry(port, { secret, role: "worker" })
      for (const number of [1, 2, 3]) yield* worker.register(runner(number))
      const views = yield* watch(client)
      yield* until(() => views.length === 1)
      yield* Scope.close(first, Exit.void)
      yield* until(() => views.at(-1) === "Unreachable")
      // It has not registered before.
      const late = yield* registry(port, { secret, role: "worker" })
      yield* Effect.forkScoped(late.register(runner(4)))
      yield* serve({ secret, port })
      yield* until(() => views.at(-1) === "1,2,3,4")
      yield* untilMembers(yield* registry(port, { secret }), [1, 2, 3, 4])
      assert.deepStrictEqual(views.filter((view) => !view.startsWith("1,2,3") && view !== "Unreachable"), [])
    }))

  it.live("may start after its workers and its clients", () => {
    const { layer, lines } = logs()
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(serve(), scope)
      yield* Scope.close(scope, Exit.void)
      const client = yield* registry(port)
      const worker = yield* registry(port, { role: "worker" })
      const registering = yield* Effect.forkScoped(worker.register(runner(1)), { startImmediately: true })
      const views = yield* watch(client)
      yield* until(() => views.includes("Unreachable"))
      yield* until(() => lines.filter(({ text }) => text.includes("trying again")).length === 2)
      yield* serve({ port })
      yield* Fiber.join(registering)
      yield* untilMembers(client, [1])
      // Once each, however often they tried.
      assert.strictEqual(lines.filter(({ text }) => text.includes("trying again")).length, 2)
    }).pipe(Effect.provide(layer))
  })

  it.live("a client watches again after answers that break the protocol", () =>
    Effect.gen(function*() {
      const server = yield* listen({
        host,
        port: 0,
        secret: undefined,
        accepts: () => true,
        heartbeatTimeout: undefined
      })
      const answers = [
        Stream.die("a defect"),
        Stream.fromEffect(Effect.interrupt),
        // Not of the schema.
        Stream.succeed([{ address: "nowhere" }] as unknown as ReadonlyArray<Runner.Runner>),
        Stream.concat(Stream.succeed([runner(1)]), Stream.never)
      ]
      const handlers = yield* Layer.build(NameServerRpcs.toLayer({
        Handshake: () => Effect.map(currentPeer, (peer) => peer.authenticate()),
        Register: () => Stream.die("a defect"),
        Watch: () => Stream.suspend(() => answers.length > 1 ? answers.shift()! : answers[0]),
        Groups: () => Effect.die("a defect")
      }))
      yield* Effect.provideContext(RpcServer.serve(NameServerRpcs, server, { maxFrameSize: 1024 * 1024 }), handlers)
      const port = "port" in server.address ? server.address.port : 0
      const client = yield* registry(port)
      const views = yield* watch(client)
      yield* until(() => views.includes("1"))
      assert.strictEqual(answers.length, 1)
      const groups = yield* Effect.flip(NameServerClient.groups({ host, port, secret: undefined }))
      assert.strictEqual(groups.reason._tag, "VersionMismatch")
      // It would end with the defect.
      const registration = yield* Effect.forkScoped(client.register(runner(2)))
      yield* until(() => views.includes("VersionMismatch"))
      assert.isUndefined(registration.pollUnsafe())
    }))

  it.live("no group sees another, and nobody serves one that is not its own", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const port = yield* serve({ secret })
      for (const group of ["a", "b"]) {
        const worker = yield* registry(port, { secret, role: "worker", group })
        yield* worker.register(runner(group === "a" ? 1 : 2, group))
        // The same address in both.
        yield* worker.register(runner(3, group))
      }
      assert.deepStrictEqual(yield* members(yield* registry(port, { secret, group: "a" })), [1, 3])
      assert.deepStrictEqual(yield* members(yield* registry(port, { secret, group: "b" })), [2, 3])
      assert.deepStrictEqual(yield* members(yield* registry(port, { secret, group: "c" })), [])

      const register = (client: NameServerClient.NameServerClient["client"], group: string) =>
        Stream.runDrain(client.Register({ group, runner: runner(9), incarnation }))
      const { client: worker } = yield* dial(port, { secret, identity: { role: "worker", group: "a" } })
      const { client } = yield* dial(port, { secret, identity: { role: "client", group: "a" } })
      const { client: operator } = yield* dial(port, { secret, identity: Identity.operator })
      const refused = [
        register(worker, "b"),
        register(client, "a"),
        register(operator, "a"),
        listed(worker, "b"),
        listed(client, "b"),
        worker.Groups(),
        client.Groups()
      ]
      for (const call of refused) assert.strictEqual((yield* Effect.flip(Effect.asVoid(call)))._tag, "Forbidden")
      assert.deepStrictEqual(portsOf(yield* listed(operator, "b")), [2, 3])
      const groups = yield* NameServerClient.groups({ host, port, secret })
      assert.deepStrictEqual(
        groups.map(({ group, members }) => [group, portsOf(members)]),
        [["a", [1, 3]], ["b", [2, 3]]]
      )
    }))

  it.live("without a secret all of this host may look into all groups", () =>
    Effect.gen(function*() {
      const port = yield* serve()
      const worker = yield* registry(port, { role: "worker" })
      yield* worker.register(runner(1))
      const groups = yield* NameServerClient.groups({ host, port, secret: undefined })
      assert.deepStrictEqual(groups.map(({ group }) => group), ["g"])
    }))

  it.live("who has another secret, or none where there is one, is unauthorized", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const port = yield* serve({ secret })
      for (const other of [yield* Secret.generate, undefined]) {
        const error = yield* Effect.flip(viewOf(yield* registry(port, { secret: other })))
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.include(error.message, "PAPYROS_SECRET")
      }
      const open = yield* serve()
      const error = yield* Effect.flip(viewOf(yield* registry(open, { secret })))
      assert.strictEqual(error.reason._tag, "Unauthorized")
    }))

  it.live("another version of the protocol is told so, and nothing else", () =>
    Effect.gen(function*() {
      const port = yield* serve()
      const call = (first: "Handshake" | "Watch") =>
        Effect.scoped(Effect.gen(function*() {
          const identity = { role: "client", group: "g" } as const
          const connection = yield* connect({
            host,
            port,
            secret: undefined,
            identity,
            connectTimeout: 5000,
            heartbeatTimeout: undefined
          })
          const { client } = yield* RpcClient.make(NameServerRpcs, connection, { maxFrameSize: 1024 })
          return yield* first === "Handshake"
            ? Effect.flip(client.Handshake({ protocol: PROTOCOL + 1, version: "9.0.0" }))
            : Effect.flip(listed(client, "g"))
        }))
      const error = yield* call("Handshake")
      assert.strictEqual(error._tag, "OtherVersion")
      assert.strictEqual((yield* call("Watch"))._tag, "Forbidden")
      const remoteError = (yield* dial(port)).toRemoteError(error)
      assert.strictEqual(remoteError.reason._tag, "VersionMismatch")

      const stranger = yield* rawServer((socket) =>
        socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request".repeat(9)))
      )
      const failure = yield* Effect.flip(viewOf(yield* registry(stranger)))
      assert.strictEqual(failure.reason._tag, "VersionMismatch")
    }))

  it.live("says who comes and goes, a line each, and no control character of theirs", () => {
    const { layer, lines } = logs()
    return Effect.gen(function*() {
      const serving = yield* Scope.make()
      const port = yield* Scope.provide(serve(), serving)
      const client = yield* registry(port)
      const worker = yield* registry(port, { role: "worker" })
      const scope = yield* Scope.make()
      yield* Scope.provide(worker.register(runner(1, "g", "\u001b[2J\nevil\u009b")), scope)
      yield* worker.register(runner(2))
      yield* Scope.close(scope, Exit.void)
      yield* untilMembers(client, [2])
      yield* Scope.close(serving, Exit.void)
      const texts = lines.filter(({ text }) => !text.includes("trying again")).map(({ text }) => text)
      assert.deepStrictEqual(texts, [
        `Name server listening on 127.0.0.1:${port} without a secret: every user of this host is trusted`,
        "Worker \\u001b[2J\\u000aevil\\u009b:1 (2 threads) of group g registered",
        "Worker 10.0.0.1:2 (2 threads) of group g registered",
        "Worker \\u001b[2J\\u000aevil\\u009b:1 (2 threads) of group g has left"
      ])
    }).pipe(Effect.provide(layer))
  })
})

describe("a RunnerStorage as the registry", () => {
  it.effect("keeps a worker registered, and forgets it when it leaves", () =>
    Effect.gen(function*() {
      const memory = yield* RunnerStorage.makeMemory
      let registered = 0
      const storage = RunnerStorage.RunnerStorage.of({
        ...memory,
        register: (runner, healthy) =>
          Effect.tap(memory.register(runner, healthy), () => Effect.sync(() => registered++))
      })
      const registry = yield* Effect.provideService(
        Registry.fromRunnerStorage,
        RunnerStorage.RunnerStorage,
        storage
      )
      const scope = yield* Scope.make()
      yield* Scope.provide(registry.register(runner(1)), scope)
      assert.deepStrictEqual(yield* viewOf(registry), [runner(1)])
      yield* TestClock.adjust(20_000)
      assert.strictEqual(registered, 5)
      // One that is known not to be well is none.
      yield* memory.register(runner(2), false)
      assert.deepStrictEqual(yield* viewOf(registry), [runner(1)])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* viewOf(registry), [])
      yield* TestClock.adjust(20_000)
      assert.strictEqual(registered, 5)
    }))

  it.effect("tries for ever while the storage fails", () => {
    const { layer } = logs()
    return Effect.gen(function*() {
      const memory = yield* RunnerStorage.makeMemory
      const failing = Effect.fail(new PersistenceError({ cause: new Error("down") }))
      let down = true
      const storage = RunnerStorage.RunnerStorage.of({
        ...memory,
        register: (runner, healthy) => Effect.suspend(() => down ? failing : memory.register(runner, healthy)),
        getRunners: Effect.suspend(() => down ? failing : memory.getRunners)
      })
      const registry = yield* Effect.provideService(
        Registry.fromRunnerStorage,
        RunnerStorage.RunnerStorage,
        storage
      )
      const registering = yield* Effect.forkScoped(registry.register(runner(1)), { startImmediately: true })
      const error = yield* Effect.flip(viewOf(registry))
      assert.strictEqual(error.reason._tag, "Unreachable")
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(registering.pollUnsafe())
      down = false
      yield* TestClock.adjust(1000)
      yield* Fiber.join(registering)
      assert.deepStrictEqual(yield* viewOf(registry), [runner(1)])
    }).pipe(Effect.provide(layer))
  })
})
