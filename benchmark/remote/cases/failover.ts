/**
 * Workers that are killed, stopped or added while tasks of 5 ms run.
 *
 * Every worker writes each start of a task to the start log, so that the starts on a killed worker are known too.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { Case, Competitor, CompetitorError, Measurement } from "../../harness/model.ts"
import { PAPYROS } from "../../harness/papyros.ts"
import type { Process } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { withTimeout } from "../../harness/timeout.ts"
import { awaitRegistration, awaitWorkers, deploy } from "../competitors/papyros.ts"
import * as StartLog from "../workload/startLog.ts"
import { Wait } from "../workload/tasks.ts"

/** The worker processes before the event. */
const WORKERS = 2

/** The duration of a task. */
const MILLIS = 5

/** Outcomes before the event. */
const BEFORE = 200

/** Tasks that workers may hold beyond the last one that has started. */
const UNSTARTED = 4

const LOSS_METRICS = [
  "longest gap between outcomes, ms",
  "time until every assigned task has an outcome, ms",
  "most starts of a task"
]

/** The outcomes of one run, and their times before and after the event. */
class Outcomes {
  readonly tally = new Tally()
  /** The time of the outcome by the id of its task; 0 without an outcome. */
  private readonly at: Float64Array
  private readonly onOutcome: (count: number, pid: number) => void
  private last = performance.now()
  private gap = 0
  private event = Infinity
  private assigned: ReadonlyArray<number> = []

  constructor(tasks: number, onOutcome: (count: number, pid: number) => void) {
    this.at = new Float64Array(tasks)
    this.onOutcome = onOutcome
  }

  add({ id, pid }: { readonly id: number; readonly pid: number }): void {
    const now = performance.now()
    this.gap = Math.max(this.gap, now - this.last)
    this.at[id] = this.last = now
    this.tally.success(id)
    this.onOutcome(this.tally.succeeded, pid)
  }

  /** Marks the time of the event. The starts tell which tasks are assigned, because tasks start in their order. */
  markEvent(starts: ReadonlyArray<StartLog.TaskStart>): void {
    this.event = performance.now()
    this.gap = 0
    const last = Math.max(...starts.map(({ id }) => id))
    this.assigned = Array.from(this.at.keys())
      .filter((id) => this.at[id] === 0)
      .filter((id, rank) => id <= last || rank < UNSTARTED)
  }

  /** Milliseconds from the event to the last outcome of the tasks that were assigned then. */
  get recoveryTime(): number {
    return Math.max(...this.assigned.map((id) => this.at[id])) - this.event
  }

  /** In milliseconds, after the event. */
  get longestGap(): number {
    return this.gap
  }
}

/** A dispatcher and its workers. Every run begins with two of them. */
const makeCluster = Effect.gen(function*() {
  const startLog = yield* StartLog.make
  const { layer, startWorker } = yield* Effect.orDie(deploy(false, { [StartLog.VARIABLE]: startLog }))
  const dispatcher = yield* Layer.build(layer)
  const scope = yield* Effect.scope
  const workers = new Set<Process>()
  const addWorker = Effect.gen(function*() {
    const added = yield* Scope.provide(startWorker, scope)
    workers.add(added)
    return added
  })
  const signal = (worker: Process, name: NodeJS.Signals) => {
    worker.kill(name)
    if (name === "SIGKILL") workers.delete(worker)
  }
  const restore = Effect.gen(function*() {
    const added = yield* Effect.replicateEffect(addWorker, WORKERS - workers.size)
    yield* Effect.forEach(added, awaitRegistration)
    yield* Effect.provideContext(awaitWorkers(WORKERS), dispatcher)
    StartLog.clear(startLog)
  })
  const run = (outcomes: Outcomes, { busy, tasks }: FailoverLoad) =>
    Dispatcher.execute(Array.from({ length: tasks }, (_, id) => new Wait({ id, millis: MILLIS, busy }))).pipe(
      Stream.runForEach((result) => Effect.sync(() => outcomes.add(result))),
      Effect.provideContext(dispatcher),
      Effect.orDie
    )
  const starts = () => StartLog.read(startLog)
  return { workers, addWorker, signal, restore, run, starts }
})

type Cluster = Effect.Success<typeof makeCluster>

interface FailoverLoad {
  readonly tasks: number
  /** Whether tasks keep their thread busy instead of sleeping. */
  readonly busy: boolean
}

interface FailoverCase {
  readonly name: string
  readonly tasks: number
  readonly rounds: number
  readonly metrics: ReadonlyArray<string>
  /** By metric. */
  readonly targets: ReadonlyArray<string | undefined>
  readonly run: (cluster: Cluster, load: FailoverLoad) => Effect.Effect<Measurement, CompetitorError>
}

/**
 * Sends a signal to one of the workers. The load must keep the other worker busy until the dispatcher has detected the
 * loss.
 */
const loseWorker =
  (name: "SIGKILL" | "SIGSTOP") =>
  (cluster: Cluster, load: FailoverLoad): Effect.Effect<Measurement, CompetitorError> =>
    Effect.gen(function*() {
      yield* cluster.restore
      const [victim] = cluster.workers
      const outcomes = new Outcomes(load.tasks, (count) => {
        if (count !== BEFORE) return
        outcomes.markEvent(cluster.starts())
        cluster.signal(victim, name)
      })
      yield* cluster.run(outcomes, load)
      cluster.signal(victim, "SIGKILL")
      const { longestGap, recoveryTime, tally } = outcomes
      return { tally, values: [longestGap, recoveryTime, maxStarts(cluster.starts())] }
    })

/** Adds a third worker. */
const joinWorker = (cluster: Cluster, load: FailoverLoad): Effect.Effect<Measurement, CompetitorError> =>
  Effect.gen(function*() {
    yield* cluster.restore
    const since = performance.now()
    const worker = yield* cluster.addWorker
    let first = Infinity
    const outcomes = new Outcomes(load.tasks, (_, pid) => {
      if (pid === worker.pid) first = Math.min(first, performance.now())
    })
    const registration = Effect.map(awaitRegistration(worker), () => performance.now())
    const [registered] = yield* Effect.all([registration, cluster.run(outcomes, load)], { concurrency: 2 })
    cluster.signal(worker, "SIGKILL")
    return { tally: outcomes.tally, values: [first - since, first - registered, maxStarts(cluster.starts())] }
  })

/** The number of starts of the task that started most often. */
const maxStarts = (starts: ReadonlyArray<StartLog.TaskStart>): number =>
  Math.max(...Array.from(Map.groupBy(starts, ({ id }) => id).values(), ({ length }) => length))

const all: ReadonlyArray<FailoverCase> = [
  {
    name: "failover, SIGKILL of one of two workers",
    tasks: 700,
    rounds: 7,
    metrics: LOSS_METRICS,
    targets: ["at most 2,000 ms", "at most 2,000 ms", undefined],
    run: loseWorker("SIGKILL")
  },
  {
    name: "failover, SIGSTOP of one of two workers",
    tasks: 2700,
    rounds: 3,
    metrics: LOSS_METRICS,
    targets: ["at most 10,000 ms", "at most 10,000 ms", undefined],
    run: loseWorker("SIGSTOP")
  },
  {
    name: "failover, a third worker joins",
    tasks: 2400,
    rounds: 5,
    metrics: [
      "its first outcome after the start of its process, ms",
      "its first outcome after its registration, ms",
      "most starts of a task"
    ],
    targets: ["at most 3,000 ms", "at most 3,000 ms", undefined],
    run: joinWorker
  }
]

/** Each load has a cluster of its own, because a dispatcher adapts to the durations of tasks. */
const loads = [{ name: PAPYROS, busy: true }, { name: `${PAPYROS}, sleeping tasks`, busy: false }]

const caseOf = ({ metrics, name, rounds, run, targets, tasks }: FailoverCase) =>
  Effect.gen(function*() {
    const competitors = yield* Effect.forEach(loads, ({ busy, name }) =>
      Effect.map(makeCluster, (cluster): Competitor => ({
        name,
        run: withTimeout(run(cluster, { tasks, busy })),
        target: { [PAPYROS]: targets }
      })))
    return {
      name,
      tasks,
      expected: Tally.ofRange(0, tasks - 1),
      metrics,
      rounds,
      warmUp: 1,
      baselines: [PAPYROS],
      competitors
    } satisfies Case
  })

export const failover = all.map((failover) => ({ name: failover.name, make: caseOf(failover) }))
