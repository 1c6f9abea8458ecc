/**
 * Simulates clients and runners over calls that are delivered twice, late, in another order, to another runner or not at
 * all, while runners join, leave and end. A seed determines all of it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import type { Calls } from "../../../src/internal/cluster/calls.ts"
import * as ClusterExecutor from "../../../src/internal/cluster/client/executor.ts"
import { Dice } from "../../../src/testing/random.ts"
import { runWorld, World } from "../../../src/testing/simulation/world.ts"
import { type RemoteLine, violations } from "../remote/history.ts"
import { makeTasks, runTasks } from "../remote/simulatedTasks.ts"
import { Tasks } from "../remote/tasks.ts"
import { type Calls as Handlers, SimulatedRunner } from "./simulatedRunner.ts"

/** The probabilities of faults of one call, and the longest delay of a late one, in milliseconds. */
interface Weather {
  readonly twice: number
  readonly misrouted: number
  readonly failed: number
  /** The answer of a call that was handled fails. */
  readonly unanswered: number
  /** The call never ends. */
  readonly hung: number
  readonly late: number
  readonly delay: number
}

/**
 * All that the engine repairs: no session may be lost. With more faults, a call may by chance not find its runner within
 * 8 seconds.
 */
const repaired = (dice: Dice): Weather => ({
  twice: dice.pick([0, 0.1, 0.4]),
  misrouted: dice.pick([0, 0.05, 0.15]),
  failed: dice.pick([0, 0.1, 0.3]),
  unanswered: dice.pick([0, 0.1, 0.3]),
  hung: 0,
  late: dice.pick([0, 0.1, 0.5]),
  delay: dice.pick([10, 300])
})

/** Sessions may be lost at any time. */
const broken = (dice: Dice): Weather => ({
  ...repaired(dice),
  misrouted: dice.pick([0, 0.1, 0.5]),
  hung: dice.pick([0, 0.05, 0.3]),
  delay: dice.pick([300, 5000, 20_000])
})

/** In the end, so that tasks can complete. */
const CALM: Weather = { twice: 0, misrouted: 0, failed: 0, unanswered: 0, hung: 0, late: 0, delay: 0 }

export interface ClusterRun {
  readonly seed: number
  readonly violations: ReadonlyArray<string>
  readonly lines: ReadonlyArray<RemoteLine>
  readonly tasks: number
  /** Determined by the seed. */
  readonly digest: number
}

export interface ClusterSimulation {
  /** `broken`: sessions may be lost at any time. `repaired`: only with runners that end. */
  readonly kind: "repaired" | "broken"
  /** Breaks the calls of a runner, for tests of the simulation. */
  readonly mutate?: ((handlers: Handlers) => Handlers) | undefined
}

/** Of dispatchers, by default. */
const MAX_WORKER_LOSSES = 3

const GROUP_SHARDS = 8

/** How long a task may take at most, in milliseconds of virtual time. */
const PATIENCE = 30 * 60_000

export const simulateCluster = Effect.fnUntraced(function*(
  seed: number,
  { kind, mutate = (handlers) => handlers }: ClusterSimulation
): Effect.fn.Return<ClusterRun> {
  const dice = new Dice(seed)
  const weather = kind === "broken" ? broken(dice) : repaired(dice)
  const lines: Array<RemoteLine> = []
  let tasks = 0
  const world = new World(seed, { maxTurns: 1_000_000 })
  const run = yield* runWorld(
    Effect.scoped(Effect.gen(function*() {
      const cluster = new Cluster(dice, weather, kind, lines, mutate)
      yield* cluster.join
      for (let i = dice.below(3); i > 0; i--) yield* cluster.join
      yield* Effect.forkScoped(cluster.moveShards)
      yield* Effect.forkScoped(Effect.andThen(
        Effect.sleep(dice.between(5000, 200_000)),
        Effect.sync(() => cluster.weather = CALM)
      ))
      yield* Effect.forkScoped(cluster.changeRunners)
      const clients = dice.between(1, 2)
      yield* Effect.forEach(Array.from({ length: clients }, (_, i) => 1 + i), (client) => {
        const own = makeTasks(dice, 1000 * client, client === 1 && kind === "repaired")
        tasks += own.length
        return Effect.provide(runTasks(own, dice, lines), cluster.client)
      }, { concurrency: "unbounded", discard: true })
    })).pipe(Effect.provide(Logger.layer([])), Effect.timeoutOption(PATIENCE)),
    world
  )
  const found = violations(lines)
  // A loss while a task runs alone counts as one that it caused, although another client or the network did.
  const losses = lines.filter(({ what }) => what === "fault").length
  const wrong = kind === "broken" || losses >= MAX_WORKER_LOSSES
    ? found.filter((text) => !text.includes("blamed after"))
    : Array.from(found)
  if (run.exit?._tag !== "Success") wrong.push(`the run ${run.endless ? "is endless" : `ended with ${run.exit}`}`)
  else if (run.exit.value._tag === "None") wrong.push("tasks have no outcome")
  for (const error of run.thrown) wrong.push(`thrown: ${String(error)}`)
  return { seed, violations: wrong, lines, tasks, digest: run.digest }
})

class Cluster {
  private readonly dice: Dice
  weather: Weather
  private readonly kind: ClusterSimulation["kind"]
  private readonly lines: Array<RemoteLine>
  private readonly mutate: (handlers: Handlers) => Handlers
  private readonly runners: Array<SimulatedRunner> = []
  /** The runner of each shard. */
  private readonly shards = new Map<string, SimulatedRunner | undefined>()
  /** Runners that may still be lost. With more, a task that ran alone at each loss would fail. */
  private losses = 2

  constructor(
    dice: Dice,
    weather: Weather,
    kind: ClusterSimulation["kind"],
    lines: Array<RemoteLine>,
    mutate: (handlers: Handlers) => Handlers
  ) {
    this.dice = dice
    this.weather = weather
    this.kind = kind
    this.lines = lines
    this.mutate = mutate
    for (let shard = 0; shard < GROUP_SHARDS; shard++) this.shards.set(`${shard}`, undefined)
  }

  get client(): Layer.Layer<Dispatcher.Dispatcher> {
    return Layer.orDie(Executor.layer(
      Tasks,
      ClusterExecutor.make(Tasks.tasks, {
        workerGroup: "simulated",
        ids: Array.from(this.shards.keys()),
        at: (id) => this.at(id),
        maxTaskBytes: 1 << 20,
        noWorkerTimeout: 600_000
      })
    ))
  }

  private get serving(): ReadonlyArray<SimulatedRunner> {
    return this.runners.filter(({ state }) => state === "serving")
  }

  /** Its owner serves no more, or has another shard. */
  private isSpare(id: string): boolean {
    const owner = this.shards.get(id)
    return owner === undefined || owner.state === "gone" || owner.isDead ||
      (owner.state === "serving" && Array.from(this.shards.values()).filter((other) => other === owner).length > 1)
  }

  // --- runners ---------------------------------------------------------------

  readonly join: Effect.Effect<void> = Effect.suspend(() => {
    const runner = new SimulatedRunner(
      1 + this.runners.length,
      (line) => this.lines.push(line),
      () => this.replacements++
    )
    if (this.kind === "broken") runner.record({ what: "fault", id: 0, thread: runner.number })
    return Effect.map(runner.start(this.dice.between(1, 3)), () => {
      this.runners.push(runner)
      this.shards.set(this.dice.pick(Array.from(this.shards.keys()).filter((id) => this.isSpare(id))), runner)
      for (const [id, owner] of this.shards) if (owner === undefined) this.shards.set(id, runner)
    })
  })

  /** Runners that were killed by a task, and that others replace. */
  private replacements = 0

  readonly changeRunners: Effect.Effect<never> = Effect.gen({ self: this }, function*() {
    const { dice } = this
    while (true) {
      yield* Effect.sleep(dice.between(100, 4000))
      const { serving } = this
      if (this.replacements > 0 || serving.length === 0) {
        this.replacements--
        yield* this.join
        continue
      }
      const runner = dice.pick(serving)
      const what = dice.below(12)
      if (what === 0 && this.runners.length < 8) yield* this.join
      else if (serving.length < 2) continue
      else if (what === 1) yield* Effect.forkDetach(runner.leave)
      else if (what === 2 && this.losses-- > 0) runner.kill()
      else if (what === 3 && this.kind === "broken") runner.awayUntil = (yield* clockMillis) + dice.between(100, 14_000)
    }
  })

  /** Moves shards at any time. Each runner that serves keeps one, except that those of an ended runner stay for a while. */
  readonly moveShards: Effect.Effect<never> = Effect.gen({ self: this }, function*() {
    const { dice, shards } = this
    while (true) {
      yield* Effect.sleep(dice.between(50, 2000))
      const { serving } = this
      if (serving.length === 0) continue
      const id = dice.pick(Array.from(shards.keys()))
      if (!this.isSpare(id) || (shards.get(id)?.isDead === true && !dice.chance(0.3))) continue
      const needy = serving.find((runner) => !Array.from(shards.values()).includes(runner))
      // While a shard moves, the engine holds its calls.
      shards.set(id, undefined)
      yield* Effect.sleep(dice.below(300))
      shards.set(id, needy ?? dice.pick(this.serving.length > 0 ? this.serving : serving))
    }
  })

  // --- calls -----------------------------------------------------------------

  private at(id: string): Calls {
    return {
      Hello: (call) => this.call(id, (handlers) => handlers.Hello(call)),
      Send: (call) => this.call(id, (handlers) => handlers.Send(call)),
      Poll: (call) => this.call(id, (handlers) => handlers.Poll(call)),
      Bye: (call) => this.call(id, (handlers) => handlers.Bye(call))
    }
  }

  private call<A>(id: string, f: (handlers: Handlers) => Effect.Effect<A>): Effect.Effect<A, unknown> {
    return Effect.suspend(() => {
      const { dice, weather } = this
      if (dice.chance(weather.hung)) return Effect.never
      if (dice.chance(weather.failed)) return this.failure
      const once = Effect.andThen(this.pause, this.deliver(id, f))
      const again = dice.chance(weather.twice)
        ? Effect.forkDetach(Effect.andThen(Effect.sleep(dice.below(15_000)), this.deliver(id, f)))
        : Effect.void
      return Effect.andThen(again, once).pipe(
        Effect.tap(() => dice.chance(weather.unanswered) ? this.failure : this.pause)
      )
    })
  }

  /** All ways in which the engine fails a call. An interruption is not that of the caller. */
  private get failure(): Effect.Effect<never, unknown> {
    return Effect.andThen(
      this.pause,
      this.dice.pick([Effect.fail("EntityNotAssignedToRunner"), Effect.die("MalformedMessage"), Effect.interrupt])
    )
  }

  private get pause(): Effect.Effect<void> {
    const { delay, late } = this.weather
    return Effect.suspend(() => Effect.sleep(this.dice.chance(late) ? this.dice.below(delay) : this.dice.below(3)))
  }

  /** The engine looks for the runner of the shard until there is one. */
  private deliver<A>(id: string, f: (handlers: Handlers) => Effect.Effect<A>): Effect.Effect<A> {
    return Effect.gen({ self: this }, function*() {
      while (true) {
        const { dice } = this
        const { serving } = this
        const runner = serving.length > 0 && dice.chance(this.weather.misrouted)
          ? dice.pick(serving)
          : this.shards.get(id)
        const now = yield* clockMillis
        if (runner !== undefined && runner.awayUntil > now) {
          yield* Effect.sleep(runner.awayUntil - now)
        } else if (runner !== undefined && (runner.state === "serving" || runner.state === "leaving")) {
          const answer = yield* f(this.mutate(runner.calls))
          // A runner that was killed meanwhile has not answered.
          return runner.isDead ? yield* Effect.never : answer
        }
        yield* Effect.sleep(100)
      }
    })
  }
}

const clockMillis = Effect.clockWith((clock) => Effect.sync(() => clock.currentTimeMillisUnsafe()))
