/**
 * Workers that are killed, stop or join under a load of tasks of 5 ms. Workers write
 * every start to a journal, so it is known also of those that are lost.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { Broken, Case, Competitor, Measured } from "../../harness/model.ts"
import type { Process } from "../../harness/processes.ts"
import { Tally } from "../../harness/tally.ts"
import { hangs } from "../../pool/competitors/implementation.ts"
import { WORKERS } from "../competitors/implementation.ts"
import { deploy, joined, PAPYROS, registered } from "../competitors/papyros.ts"
import * as Journal from "../workload/startLog.ts"
import { Work } from "../workload/tasks.ts"

const MILLIS = 5

/** Outcomes before something happens. */
const BEFORE = 200

/** Tasks that the workers may have beyond the last one that was started. */
const UNSTARTED = 4

const figures = ["longest gap between outcomes, ms", "all that was held has its outcome, ms", "most starts of a task"]

/** What comes of a load. */
class Outcomes {
  readonly tally = new Tally()
  /** By the ids of tasks, when each came; 0: it has not. */
  private readonly at: Float64Array
  private readonly onOutcome: (count: number, pid: number) => void
  private last = performance.now()
  private gap = 0
  private event = Infinity
  private held: ReadonlyArray<number> = []

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

  /** Something happens now, when all of these were started: tasks are handed out in their order. */
  happens(starts: ReadonlyArray<Journal.Start>): void {
    this.event = performance.now()
    this.gap = 0
    const last = Math.max(...starts.map(({ id }) => id))
    this.held = Array.from(this.at.keys())
      .filter((id) => this.at[id] === 0)
      .filter((id, rank) => id <= last || rank < UNSTARTED)
  }

  /** From what has happened to the last outcome of what the workers held. */
  get moved(): number {
    return Math.max(...this.held.map((id) => this.at[id])) - this.event
  }

  get longestGap(): number {
    return this.gap
  }
}

/** A dispatcher and its workers, of which every run finds two. */
const site = Effect.gen(function*() {
  const journal = yield* Journal.make
  const { layer, worker } = yield* Effect.orDie(deploy(false, { [Journal.VARIABLE]: journal }))
  const dispatcher = yield* Layer.build(layer)
  const scope = yield* Effect.scope
  const workers = new Set<Process>()
  const add = Effect.gen(function*() {
    const added = yield* Scope.provide(worker, scope)
    workers.add(added)
    return added
  })
  const end = (worker: Process, signal: NodeJS.Signals) => {
    worker.kill(signal)
    if (signal === "SIGKILL") workers.delete(worker)
  }
  const ready = Effect.gen(function*() {
    const added = yield* Effect.replicateEffect(add, WORKERS - workers.size)
    yield* Effect.forEach(added, registered)
    yield* Effect.provideContext(joined(WORKERS), dispatcher)
    Journal.clear(journal)
  })
  const run = (outcomes: Outcomes, { busy, tasks }: Run) =>
    Dispatcher.execute(Array.from({ length: tasks }, (_, id) => new Work({ id, millis: MILLIS, busy }))).pipe(
      Stream.runForEach((result) => Effect.sync(() => outcomes.add(result))),
      Effect.provideContext(dispatcher),
      Effect.orDie
    )
  const starts = () => Journal.read(journal)
  return { workers, add, end, ready, run, starts }
})

type Site = Effect.Success<typeof site>

interface Run {
  readonly tasks: number
  /** Whether they keep their thread busy, or just wait. */
  readonly busy: boolean
}

interface Event {
  readonly name: string
  readonly tasks: number
  readonly rounds: number
  readonly figures: ReadonlyArray<string>
  readonly target: string
  readonly run: (site: Site, load: Run) => Effect.Effect<Measured, Broken>
}

/** A worker that gets this signal, while the other has work for as long as it may take to find out. */
const lost = (signal: "SIGKILL" | "SIGSTOP") => (site: Site, load: Run): Effect.Effect<Measured, Broken> =>
  Effect.gen(function*() {
    yield* site.ready
    const [victim] = site.workers
    const outcomes = new Outcomes(load.tasks, (count) => {
      if (count !== BEFORE) return
      outcomes.happens(site.starts())
      site.end(victim, signal)
    })
    yield* site.run(outcomes, load)
    site.end(victim, "SIGKILL")
    const { longestGap, moved, tally } = outcomes
    return { tally, figures: [longestGap, moved, most(site.starts())] }
  })

/** One more worker. */
const joins = (site: Site, load: Run): Effect.Effect<Measured, Broken> =>
  Effect.gen(function*() {
    yield* site.ready
    const since = performance.now()
    const worker = yield* site.add
    let first = Infinity
    const outcomes = new Outcomes(load.tasks, (_, pid) => {
      if (pid === worker.pid) first = Math.min(first, performance.now())
    })
    const times = Effect.map(registered(worker), () => performance.now())
    const [known] = yield* Effect.all([times, site.run(outcomes, load)], { concurrency: 2 })
    site.end(worker, "SIGKILL")
    return { tally: outcomes.tally, figures: [first - since, first - known, most(site.starts())] }
  })

/** How often the task was started that was started most often. */
const most = (starts: ReadonlyArray<Journal.Start>): number =>
  Math.max(...Array.from(Map.groupBy(starts, ({ id }) => id).values(), ({ length }) => length))

const all: ReadonlyArray<Event> = [
  {
    name: "failover, SIGKILL of one of two workers",
    tasks: 700,
    rounds: 7,
    figures,
    target: "at most 2,000 ms",
    run: lost("SIGKILL")
  },
  {
    name: "failover, SIGSTOP of one of two workers",
    tasks: 2700,
    rounds: 3,
    figures,
    target: "at most 10,000 ms",
    run: lost("SIGSTOP")
  },
  {
    name: "failover, a third worker joins",
    tasks: 2400,
    rounds: 5,
    figures: [
      "its first outcome after its process was started, ms",
      "its first outcome after it was registered, ms",
      "most starts of a task"
    ],
    target: "at most 3,000 ms",
    run: joins
  }
]

/** Each has a site of its own, for what is learnt of how long tasks take. */
const loads = [{ name: PAPYROS, busy: true }, { name: `${PAPYROS}, tasks that wait`, busy: false }]

const caseOf = ({ figures, name, rounds, run, target, tasks }: Event) =>
  Effect.gen(function*() {
    const expected = new Tally()
    for (let id = 0; id < tasks; id++) expected.success(id)
    const competitors = yield* Effect.forEach(loads, ({ busy, name }) =>
      Effect.map(site, (own): Competitor => ({
        name,
        run: hangs(run(own, { tasks, busy })),
        target: { [PAPYROS]: target }
      })))
    return { name, tasks, expected, figures, rounds, warmUp: 1, baselines: [PAPYROS], competitors } satisfies Case
  })

export const failover = all.map((event) => ({ name: event.name, make: caseOf(event) }))
