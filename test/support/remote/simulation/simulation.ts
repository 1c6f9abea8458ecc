/**
 * Simulates clients and worker processes of Remote in virtual time, under faults of processes, connections, the name
 * server and clocks. A seed determines all of it.
 *
 * Everything is real but the sockets, the processes, the threads and the time: messages cross as bytes, and a connection
 * delays them, drops them, and ends as one of TCP does. The tests of processes have the rest (`test/chaos`).
 */
import * as Clock from "effect/Clock"
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Buffer } from "node:buffer"
import type * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import * as Address from "../../../../src/internal/address.ts"
import * as RemoteExecutor from "../../../../src/internal/remote/client/executor.ts"
import { InvalidEvents, type Member, type WorkerConnection } from "../../../../src/internal/remote/client/member.ts"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import { decodeEvents, encodeCommands } from "../../../../src/internal/remote/protocol/sessionMessages.ts"
import { MemberView } from "../../../../src/internal/remote/registry/memberView.ts"
import { CONNECT_TIMEOUT } from "../../../../src/internal/remote/transport/connect.ts"
import { RemoteError, Unreachable } from "../../../../src/internal/remote/transport/error.ts"
import { Dice } from "../../../../src/testing/random.ts"
import { runWorld, World } from "../../../../src/testing/simulation/world.ts"
import { type RemoteLine, violations } from "../history.ts"
import { makeTasks, runTasks } from "../simulatedTasks.ts"
import { Tasks } from "../tasks.ts"
import { Link, type Network } from "./link.ts"
import { PartyClock } from "./partyClock.ts"
import { MAX_TASK_BYTES, SimulatedWorker } from "./simulatedWorker.ts"

export interface RemoteSimulation {
  /** `mild`: faults after which each session goes on, so that no task may start again. `severe`: all faults. */
  readonly kind: "mild" | "severe"
  /** Breaks the events of workers, for tests of the simulation. */
  readonly mutate?: ((connection: WorkerConnection) => WorkerConnection) | undefined
}

export interface RemoteRun {
  readonly seed: number
  readonly violations: ReadonlyArray<string>
  readonly lines: ReadonlyArray<RemoteLine>
  readonly tasks: number
  /** The faults that were injected, and their numbers. */
  readonly faults: ReadonlyMap<string, number>
  /** Determined by the seed. */
  readonly digest: number
}

/** Of dispatchers, by default. */
const MAX_WORKER_LOSSES = 3

/** The longest time until all tasks have their outcomes, in milliseconds of virtual time. */
const PATIENCE = 10 * 60_000

const catalog = new TaskCatalog(Tasks.tasks)

export const simulateRemote = Effect.fnUntraced(function*(
  seed: number,
  { kind, mutate = (connection) => connection }: RemoteSimulation
): Effect.fn.Return<RemoteRun> {
  const dice = new Dice(seed)
  const lines: Array<RemoteLine> = []
  const faults = new Map<string, number>()
  let tasks = 0
  const world = new World(seed, { maxTurns: 400_000 })
  const run = yield* runWorld(
    Effect.scoped(Effect.gen(function*() {
      const place = new Place(world, dice, kind, lines, faults, mutate)
      const workers = dice.between(1, 3)
      for (let i = 0; i < workers; i++) yield* place.startWorker(`127.0.0.1:${7000 + i}`)
      const clients = dice.between(1, 2)
      for (let i = 0; i < clients; i++) place.clocks.push(new PartyClock(world))
      yield* Effect.forkScoped(place.suffer)
      yield* Effect.forkScoped(place.replace)
      yield* Effect.forEach(place.clocks.slice(-clients), (clock, i) => {
        const own = makeTasks(dice, 1000 * (1 + i), kind === "severe" && i === 0)
        tasks += own.length
        return runTasks(own, dice, lines).pipe(
          Effect.provide(place.client(clock)),
          Effect.provideService(Clock.Clock, clock)
        )
      }, { concurrency: "unbounded", discard: true })
    })).pipe(Effect.provide(Logger.layer([])), Effect.timeoutOption(PATIENCE)),
    world
  )
  const found = violations(lines)
  // A loss while a task runs alone counts as one that it caused, although another client or the network did.
  const losses = lines.filter(({ what }) => what === "fault").length
  const wrong = losses >= MAX_WORKER_LOSSES ? found.filter((text) => !text.includes("blamed after")) : Array.from(found)
  if (run.exit?._tag !== "Success") wrong.push(`the run ${run.endless ? "is endless" : `ended with ${run.exit}`}`)
  else if (run.exit.value._tag === "None") wrong.push("tasks have no outcome")
  for (const error of run.thrown) wrong.push(`thrown: ${String(error)}`)
  return { seed, violations: wrong, lines, tasks, faults, digest: run.digest }
})

/** Faults after which sessions go on. */
const MILD = [
  "cut",
  "cut",
  "slow reader",
  "short freeze",
  "short half-open",
  "registry",
  "wall clock",
  "clock rate"
] as const

const SEVERE = [...MILD, "kill", "end", "freeze", "half-open", "clock jump"] as const

type Fault = typeof SEVERE[number]

/** How many workers may be lost. With more, a task that ran alone at each loss would fail. */
const MAX_LOSSES = 2

class Place {
  readonly clocks: Array<PartyClock> = []
  private readonly world: World
  private readonly dice: Dice
  private readonly kind: RemoteSimulation["kind"]
  private readonly lines: Array<RemoteLine>
  private readonly faults: Map<string, number>
  private readonly mutate: (connection: WorkerConnection) => WorkerConnection
  /** By address, the worker that has it, or had it last. */
  private readonly workers = new Map<string, SimulatedWorker>()
  private readonly networks = new Map<string, Network>()
  private readonly registry = new SimulatedRegistry()
  private count = 0
  private losses = 0

  constructor(
    world: World,
    dice: Dice,
    kind: RemoteSimulation["kind"],
    lines: Array<RemoteLine>,
    faults: Map<string, number>,
    mutate: (connection: WorkerConnection) => WorkerConnection
  ) {
    this.world = world
    this.dice = dice
    this.kind = kind
    this.lines = lines
    this.faults = faults
    this.mutate = mutate
  }

  // --- workers ---------------------------------------------------------------

  startWorker(address: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const clock = new PartyClock(this.world)
      this.clocks.push(clock)
      const worker = new SimulatedWorker(
        ++this.count,
        address,
        clock,
        (line) => this.lines.push(line),
        () => this.registry.remove(address)
      )
      if (!this.networks.has(address)) {
        this.networks.set(address, { delay: this.dice.pick([0, 3, 50]), halfOpen: false })
      }
      return Effect.map(worker.start(this.dice), () => {
        this.workers.set(address, worker)
        this.registry.add(address)
      })
    })
  }

  /** Starts another worker in place of each that has ended. */
  readonly replace: Effect.Effect<never> = Effect.gen({ self: this }, function*() {
    while (true) {
      yield* Effect.sleep(this.dice.between(200, 4000))
      for (const [address, worker] of this.workers) {
        if (!worker.isAlive) yield* this.startWorker(address)
      }
    }
  })

  // --- faults ----------------------------------------------------------------

  /** Injects some faults, one after the other or at once. */
  readonly suffer: Effect.Effect<void> = Effect.suspend(() => {
    const { dice, kind } = this
    const count = dice.between(1, 4)
    return Effect.forEach(Array.from({ length: count }), () =>
      Effect.gen({ self: this }, function*() {
        yield* Effect.sleep(dice.pick([0, 100, 1000, 5000]) * dice.next())
        const what: Fault = kind === "mild" ? dice.pick(MILD) : dice.pick(SEVERE)
        const worker = dice.pick(Array.from(this.workers.values()))
        if (!worker.isAlive) return
        this.faults.set(what, (this.faults.get(what) ?? 0) + 1)
        yield* this.inject(what, worker)
      }), { concurrency: "unbounded", discard: true })
  })

  private inject(what: Fault, worker: SimulatedWorker): Effect.Effect<void> {
    const { dice } = this
    const network = this.networks.get(worker.address)!
    const clock = dice.pick(this.clocks)
    switch (what) {
      case "cut":
        return Effect.sync(() => {
          for (const link of worker.links) link.cut()
        })
      case "slow reader": {
        const { delay } = network
        return this.during(dice.between(100, 5000), () => network.delay = 2500, () => network.delay = delay)
      }
      case "short freeze":
        return this.during(dice.between(1, 3000), () => worker.clock.freeze(), () => worker.clock.thaw())
      case "freeze":
        return this.during(dice.between(9000, 20_000), () => this.freeze(worker), () => worker.clock.thaw())
      case "short half-open":
        // Bytes are lost, so that the connection must not go on.
        return this.during(dice.between(1, 2000), () => network.halfOpen = true, () => {
          for (const link of worker.links) link.cut()
          network.halfOpen = false
        })
      case "half-open":
        return this.during(dice.between(9000, 20_000), () => {
          this.fault(worker)
          network.halfOpen = true
        }, () => {
          for (const link of worker.links) link.cut()
          network.halfOpen = false
        })
      case "registry":
        return this.registry.restart(dice, Array.from(this.workers.values()))
      case "wall clock":
        return Effect.sync(() => clock.setWall(dice.pick([-1, 1]) * dice.next() * 1e9))
      case "clock rate":
        return Effect.sync(() => clock.runAt(dice.pick([0.7, 0.9, 1.1, 1.4])))
      case "clock jump":
        return Effect.sync(() => {
          // A timeout of the session may end on one side only.
          for (const other of this.workers.values()) this.fault(other)
          clock.jump(dice.pick([100, 3000, 9000, 60_000]))
        })
      case "kill":
        return Effect.sync(() => {
          if (this.losses++ >= MAX_LOSSES) return
          worker.kill()
          this.registry.remove(worker.address)
        })
      case "end":
        return Effect.andThen(Effect.sync(() => this.registry.remove(worker.address)), worker.leave)
    }
  }

  private fault(worker: SimulatedWorker): void {
    this.losses++
    worker.record({ what: "fault", id: 0, thread: worker.number })
  }

  private freeze(worker: SimulatedWorker): void {
    this.fault(worker)
    worker.clock.freeze()
  }

  private during(millis: number, begin: () => void, end: () => void): Effect.Effect<void> {
    return Effect.sync(begin).pipe(Effect.andThen(Effect.sleep(millis)), Effect.andThen(Effect.sync(end)))
  }

  // --- clients ---------------------------------------------------------------

  client(clock: PartyClock): Layer.Layer<Dispatcher.Dispatcher> {
    const executor = RemoteExecutor.make({
      catalog,
      maxTaskBytes: MAX_TASK_BYTES,
      noWorkerTimeout: PATIENCE,
      members: Stream.map(
        this.registry.members(clock),
        (members) => Result.map(members, (addresses) => addresses.map((address) => this.member(address, clock)))
      )
    })
    return Layer.orDie(Executor.layer(Tasks, executor))
  }

  private member(address: string, clock: PartyClock): Member {
    const unreachable = (message: string) => new RemoteError({ reason: new Unreachable({ address, message }) })
    const attempt = Effect.gen({ self: this }, function*() {
      yield* Effect.sleep(this.dice.below(3))
      const worker = this.workers.get(address)!
      const network = this.networks.get(address)!
      if (!worker.isAlive) return yield* Effect.fail(unreachable("refused"))
      const opened = yield* Deferred.make<void>()
      // A process that is stopped, and a network that drops everything, answer nothing.
      const answer = () => {
        if (!network.halfOpen) worker.clock.onRunning(() => Deferred.doneUnsafe(opened, Effect.void))
      }
      answer()
      yield* Deferred.await(opened)
      if (!worker.isAlive) return yield* Effect.fail(unreachable("reset"))
      return { worker, link: new Link(this.world, this.dice, network, clock, worker.clock) }
    }).pipe(Effect.timeoutOrElse({
      duration: CONNECT_TIMEOUT,
      orElse: () => Effect.fail(unreachable("did not answer"))
    }))
    return {
      address,
      connect: Effect.gen({ self: this }, function*() {
        const { link, worker } = yield* attempt
        yield* Effect.addFinalizer(() => Effect.sync(() => link.close(link.client, "closed by this process")))
        yield* Effect.forkDetach(link.watch)
        return this.mutate(this.connection(link, worker))
      })
    }
  }

  private connection(link: Link, worker: SimulatedWorker): WorkerConnection {
    const { client } = link
    const connection = worker.accept(link)
    const lost = Effect.flatMap(Deferred.await(client.closed), (reason) => Effect.fail(new Error(reason)))
    /** A call of the client that the worker handles when it arrives, and its answer. */
    const call = <A>(f: () => Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
      Effect.gen(function*() {
        const arrived = yield* Deferred.make<void>()
        const answer = yield* Deferred.make<A, unknown>()
        link.call(link.worker, () => Deferred.doneUnsafe(arrived, Effect.void))
        yield* Effect.forkDetach(Effect.andThen(
          Effect.raceFirst(Deferred.await(arrived), Effect.andThen(Deferred.await(link.worker.closed), Effect.never)),
          Effect.flatMap(Effect.exit(Effect.suspend(f)), (exit) =>
            Effect.sync(() => link.call(client, () => Deferred.doneUnsafe(answer, exit))))
        ))
        return yield* Effect.raceFirst(Deferred.await(answer), lost)
      })
    return {
      handshake: worker.handshake,
      events: (session, onEvents) =>
        Effect.gen(function*() {
          const received = yield* Queue.unbounded<Uint8Array>()
          client.onBytes((bytes) => Queue.offerUnsafe(received, bytes))
          const handling = Effect.forever(Effect.flatMap(Queue.take(received), (bytes) =>
            Effect.flatMap(
              Effect.try({ try: () => decodeEvents(bytes), catch: (error) => new InvalidEvents(error) }),
              onEvents
            )))
          const request = { ...session, maxTaskBytes: MAX_TASK_BYTES }
          const stream = call(() => worker.events(link, connection, request))
          yield* Effect.raceAllFirst([stream, handling, lost])
        }),
      end: (session) => call(() => Effect.sync(() => worker.endSession(session))),
      isSilent: () => client.silent,
      closed: Deferred.await(client.closed),
      send: (commands) =>
        Effect.suspend(() => {
          if (!client.isOpen) return Effect.fail(new Error("closed"))
          link.send(client, Buffer.concat(encodeCommands(commands)))
          return Effect.void
        })
    }
  }
}

type Listed = Result.Result<ReadonlyArray<string>, RemoteError>

/** A name server, and what its clients make of it: see `registry.ts`. */
class SimulatedRegistry {
  private readonly registered = new Set<string>()
  private readonly watchers = new Set<Watcher>()

  add(address: string): void {
    this.registered.add(address)
    this.list()
  }

  remove(address: string): void {
    this.registered.delete(address)
    this.list()
  }

  /** The name server restarts: workers register again, and clients connect again, each a little later. */
  restart(dice: Dice, workers: ReadonlyArray<SimulatedWorker>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.registered.clear()
      for (const watcher of this.watchers) watcher.lost()
      const again = workers.map((worker) =>
        Effect.andThen(
          Effect.sleep(dice.between(100, 3000)),
          Effect.sync(() => {
            // One that has ended, or is stopped, does not register.
            worker.clock.onRunning(() => {
              if (worker.state === "serving") this.add(worker.address)
            })
          })
        )
      )
      const connected = Array.from(this.watchers, (watcher) =>
        Effect.andThen(
          Effect.sleep(dice.between(100, 3000)),
          Effect.sync(() => {
            watcher.connected()
            watcher.list(this.registered)
          })
        ))
      return Effect.all([...again, ...connected], { concurrency: "unbounded", discard: true })
    })
  }

  private list(): void {
    for (const watcher of this.watchers) watcher.list(this.registered)
  }

  members(clock: PartyClock): Stream.Stream<Listed> {
    return Stream.callback<Listed>((queue) =>
      Effect.gen({ self: this }, function*() {
        const watcher = new Watcher((listed) => Queue.offerUnsafe(queue, listed))
        this.watchers.add(watcher)
        watcher.connected()
        watcher.list(this.registered)
        yield* Effect.addFinalizer(() => Effect.sync(() => this.watchers.delete(watcher)))
        // Workers that have not registered again are removed in the end.
        return yield* Effect.forever(Effect.andThen(clock.sleep(GRACE), Effect.sync(() => watcher.expire())))
      })
    )
  }
}

const GRACE = Duration.seconds(10)

class Watcher {
  private readonly view = new MemberView()
  private isConnected = false
  private readonly show: (listed: Listed) => void

  constructor(show: (listed: Listed) => void) {
    this.show = show
  }

  connected(): void {
    this.isConnected = true
    this.view.connected()
  }

  lost(): void {
    this.isConnected = false
    const reason = new Unreachable({ address: "name server", message: "restarts" })
    this.show(Result.fail(new RemoteError({ reason })))
  }

  list(registered: ReadonlySet<string>): void {
    if (this.isConnected) this.shown(this.view.listed(Array.from(registered, runnerAt)))
  }

  expire(): void {
    if (this.isConnected) this.shown(this.view.expire())
  }

  private shown(runners: ReadonlyArray<Runner.Runner>): void {
    this.show(Result.succeed(runners.map(({ address }) => Address.format(address))))
  }
}

const runnerAt = (address: string): Runner.Runner => {
  const at = address.lastIndexOf(":")
  const host = address.slice(0, at)
  return Runner.make({
    address: RunnerAddress.make(host, Number(address.slice(at + 1))),
    groups: ["default"],
    weight: 1
  })
}
