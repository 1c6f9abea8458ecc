/** Dispatchers that are broken on purpose, each in one way, to show that the laws can fail. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dispatcher, DispatchTimeout } from "papyros/Dispatcher"
import type * as Executor from "papyros/Executor"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { handlers, type Subject, type SubjectOptions, Tasks } from "papyros/testing"
import { scriptedSubject } from "./scriptedSubject.ts"

export interface Broken {
  /** What is wrong with it. */
  readonly name: string
  /** The law that it breaks, and what the law says to that. */
  readonly law: number
  readonly says: RegExp
  readonly subject: Subject
}

// ----------------------------------------------------------------------------
// Between the scheduler and its lanes
// ----------------------------------------------------------------------------

/** A scheduler that does what another does. */
class Between implements Executor.Scheduler {
  readonly inner: Executor.Scheduler

  constructor(inner: Executor.Scheduler) {
    this.inner = inner
  }

  get timers() {
    return this.inner.timers
  }

  join(lane: Executor.Lane) {
    this.inner.join(lane)
  }

  take(...args: Parameters<Executor.Scheduler["take"]>) {
    return this.inner.take(...args)
  }

  succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    this.inner.succeed(chunk, at, value)
  }

  fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.inner.fail(chunk, at, failure)
  }

  busy(...args: Parameters<Executor.Scheduler["busy"]>) {
    this.inner.busy(...args)
  }

  giveBack(chunk: Executor.Chunk, from: number, to: number) {
    this.inner.giveBack(chunk, from, to)
  }

  leave(lane: Executor.Lane, loss?: Executor.Loss) {
    this.inner.leave(lane, loss)
  }

  unavailable(cause: unknown) {
    this.inner.unavailable(cause)
  }
}

type Mutant = new(inner: Executor.Scheduler) => Executor.Scheduler

/** What the scheduler hands out is its own entry, which a scheduler with a fault of its own would treat so. */
interface Entry extends Executor.Item {
  attempt: number
  lease: unknown
  value: unknown
  readonly link: { readonly origin: { readonly settled: (entry: Entry) => void } }
}

const entryOf = (chunk: Executor.Chunk, at: number) => chunk.items[at] as Entry

class Drops extends Between {
  private seen = 0
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    if (++this.seen % 40 !== 0) super.succeed(chunk, at, value)
  }
}

class DropsTail extends Between {
  override giveBack(chunk: Executor.Chunk, from: number, to: number) {
    super.giveBack(chunk, from, to > from + 1 ? to - 1 : to)
  }
}

class Alters extends Between {
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    super.succeed(chunk, at, structuredClone(value))
  }
}

class LeaksSlot extends Between {
  private leaked = 0
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.leaked++
    super.fail(chunk, at, failure)
  }
  override take(lane: Executor.Lane, max: number) {
    return super.take(lane, this.leaked > 0 ? Math.min(1, max) : max)
  }
}

class SwallowsDefect extends Between {
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    if (failure._tag === "Defect") super.succeed(chunk, at, undefined)
    else super.fail(chunk, at, failure)
  }
}

class ConfusesReasons extends Between {
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    super.fail(chunk, at, failure._tag === "TimedOut" ? { _tag: "Interrupted", trace: "" } : failure)
  }
}

class BlamesNeighbour extends Between {
  override leave(lane: Executor.Lane, loss?: Executor.Loss) {
    super.leave(
      lane,
      loss === undefined ? undefined : {
        ...loss,
        chunks: loss.chunks.map((report) => {
          const neighbour = report.chunk.items.findIndex((_, at) => at !== report.culprit && report.started(at))
          return report.culprit === undefined || neighbour === -1 ? report : { ...report, culprit: neighbour }
        })
      }
    )
  }
}

/** Reports a chunk when all of it has ended, so that a loss takes with it what had ended. */
class RerunsMates extends Between {
  private readonly kept = new Map<Executor.Chunk, Array<() => void>>()
  private keep(chunk: Executor.Chunk, report: () => void) {
    const kept = this.kept.get(chunk) ?? []
    this.kept.set(chunk, kept)
    if (kept.push(report) >= chunk.items.length) { for (const report of kept.splice(0)) report() }
  }
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    this.keep(chunk, () => super.succeed(chunk, at, value))
  }
  override fail(chunk: Executor.Chunk, at: number, failure: Executor.WireFailure) {
    this.keep(chunk, () => super.fail(chunk, at, failure))
  }
  override leave(lane: Executor.Lane, loss?: Executor.Loss) {
    super.leave(lane, loss ?? { outOfMemory: false, chunks: [] })
  }
}

class CountsUnclaimed extends Between {
  override giveBack(chunk: Executor.Chunk, from: number, to: number) {
    for (let at = from; at < to; at++) entryOf(chunk, at).attempt++
    super.giveBack(chunk, from, to)
  }
}

class AcceptsLate extends Between {
  override succeed(chunk: Executor.Chunk, at: number, value: unknown) {
    const entry = entryOf(chunk, at)
    if (entry.lease === chunk) return super.succeed(chunk, at, value)
    entry.value = value
    entry.link.origin.settled(entry)
  }
}

class StartsTwice extends Between {
  override leave(lane: Executor.Lane, loss?: Executor.Loss) {
    super.leave(
      lane,
      loss === undefined ? undefined : {
        ...loss,
        chunks: loss.chunks.map((report) => ({
          ...report,
          started: (at: number) => report.started(at) && report.chunk.items[at].idempotent
        }))
      }
    )
  }
}

/** Does not say that a lane has gone, so that what it held waits for ever. */
class ForgetsLoss extends Between {
  override leave(lane: Executor.Lane, loss?: Executor.Loss) {
    if (loss === undefined) super.leave(lane)
  }
}

const between = (Mutant: Mutant, window = 2, faults: { readonly loss?: number } = { loss: 0 }): Subject => ({
  ...scriptedSubject({ window, faults, between: (scheduler) => new Mutant(scheduler) }),
  losesWorkers: faults.loss !== 0,
  patience: 1500
})

const lossy = (Mutant: Mutant) => between(Mutant, 6, {})

// ----------------------------------------------------------------------------
// Between the verbs and the scheduler
// ----------------------------------------------------------------------------

type Hub = Dispatcher["Service"]["hub"]
type Origin = Parameters<Hub["attach"]>[0]
type Link = NonNullable<ReturnType<Hub["attach"]>>

const CONCURRENCY = 3

const fiber = (
  change: (hub: Hub) => Hub,
  options: { readonly capacity?: "unbounded"; readonly concurrency?: number } = {}
): Subject => ({
  layer: ({ capacity }: SubjectOptions) =>
    Layer.effect(
      Dispatcher,
      Effect.map(Dispatcher, (dispatcher) => Dispatcher.of({ ...dispatcher, hub: change(dispatcher.hub) }))
    ).pipe(
      Layer.provide(FiberDispatcher.layer(Tasks, {
        concurrency: options.concurrency ?? CONCURRENCY,
        capacity: options.capacity ?? capacity
      })),
      Layer.provide(handlers)
    ),
  boundary: "none",
  concurrency: CONCURRENCY,
  bounds: true,
  endsBusyLoops: false,
  losesWorkers: false,
  nests: true,
  sharesClock: true,
  sharesMemory: true,
  patience: 1500
})

/** Changes what the scheduler sees of an origin, and what the origin sees of the scheduler. */
const seam = (
  originOf: (origin: Origin, link: () => Link) => Partial<Origin>,
  linkOf: (link: Link, origin: Origin) => Partial<Link> = () => ({})
) =>
(hub: Hub): Hub => ({
  attach: (origin) => {
    let link: Link | undefined
    const changed: Origin = {
      chunkSize: origin.chunkSize,
      span: origin.span,
      parent: origin.parent,
      next: () => origin.next(),
      settled: (entry) => origin.settled(entry),
      roomy: () => origin.roomy(),
      closed: () => origin.closed(),
      ...originOf(origin, () => link!)
    }
    const inner = link = hub.attach(changed)
    if (inner === undefined) return undefined
    return {
      origin: inner.origin,
      depth: inner.depth,
      timers: inner.timers,
      ready: () => inner.ready(),
      accept: (task) => inner.accept(task),
      cancelAfter: (after) => inner.cancelAfter(after),
      end: (stopped) => inner.end(stopped),
      slots: () => inner.slots(),
      window: () => inner.window(),
      ...linkOf(inner, origin)
    }
  }
})

const doubles = seam((origin) => ({
  settled: (entry) => {
    origin.settled(entry)
    if (entry.failure === undefined) origin.settled(entry)
  }
}))

/** Every second task trades its place with the one before. */
const reorders = seam((origin) => ({
  next: () => {
    const entry = origin.next()
    return entry === undefined ? undefined : Object.assign(entry, { index: entry.index ^ 1 })
  }
}))

/** Gives a task of one execution the result of the last task of another. */
const mixes = (hub: Hub): Hub => {
  let last: { readonly origin: Origin; readonly value: unknown } | undefined
  return seam((origin) => ({
    settled: (entry) => {
      const { value } = entry
      if (last !== undefined && last.origin !== origin && entry.failure === undefined) entry.value = last.value
      last = { origin, value }
      origin.settled(entry)
    }
  }))(hub)
}

const ignoresBufferSize = seam(() => ({}), () => ({ slots: () => 1_000_000 }))

const endsUnfinished = seam(() => ({}), (link) => ({
  end: (stopped) => {
    link.end(() => {})
    stopped()
  }
}))

const endsNothing = seam(() => ({}), () => ({ end: (stopped) => stopped() }))

/** Serves only the oldest of those that are open. */
const starves = (hub: Hub): Hub => {
  const open: Array<{ readonly origin: Origin; readonly link: () => Link }> = []
  return seam(
    (origin, link) => {
      open.push({ origin, link })
      return { next: () => open[0]?.origin === origin ? origin.next() : undefined }
    },
    (link, origin) => ({
      end: (stopped) =>
        link.end(() => {
          open.splice(open.findIndex((other) => other.origin === origin), 1)
          for (const other of open) other.link().ready()
          stopped()
        })
    })
  )(hub)
}

const losesPushes = seam((origin) => {
  let handed = 0
  return {
    next: () => {
      const entry = origin.next()
      return entry === undefined || ++handed % 9 !== 0 ? entry : origin.next()
    }
  }
})

/** An execution, as a fault inside it would see it. */
interface Inside extends Origin {
  readonly idleTimeout: number | undefined
  readonly fail: (error: DispatchTimeout) => void
}

/** Counts from one completed task to the next, whatever happens between. */
const countsAllTime = seam((origin, link) => {
  const { idleTimeout } = origin as Inside
  if (idleTimeout === undefined) return {}
  const expire = () =>
    (origin as Inside).fail(new DispatchTimeout({ operation: "execute", duration: idleTimeout as never }))
  let timer: ReturnType<Link["timers"]["set"]> | undefined
  const restart = () => {
    if (timer !== undefined) link().timers.clear(timer)
    timer = link().timers.set(idleTimeout, expire)
  }
  return {
    next: () => {
      if (timer === undefined) restart()
      return origin.next()
    },
    settled: (entry) => {
      restart()
      origin.settled(entry)
    }
  }
})

/** Never looks at the clock. */
const neverExpires = seam((origin) => {
  Object.assign(origin, { idleTimeout: undefined })
  return {}
})

const same = (hub: Hub) => hub

// ----------------------------------------------------------------------------
// All of them
// ----------------------------------------------------------------------------

/** The same wrappers around nothing: what every law must hold on. */
export const whole: ReadonlyArray<{ readonly name: string; readonly subject: Subject }> = [
  { name: "lanes behind a wrapper", subject: between(Between) },
  { name: "lost lanes behind a wrapper", subject: lossy(Between) },
  { name: "verbs behind a wrapper", subject: fiber(seam(() => ({}))) }
].map(({ name, subject }) => ({ name, subject: { ...subject, patience: 10_000 } }))

export const broken: ReadonlyArray<Broken> = [
  { name: "alters a value", law: 1, says: /outcome of task \d+, a Transform/, subject: between(Alters) },
  {
    name: "passes by reference and says that it copies",
    law: 1,
    says: /bytes of task|caller's tasks afterwards/,
    subject: { ...fiber(same), boundary: "codec" }
  },
  { name: "drops a task", law: 2, says: /did not end/, subject: between(Drops) },
  { name: "doubles an outcome", law: 2, says: /indices of the results/, subject: fiber(doubles) },
  { name: "reorders", law: 2, says: /results before the failure/, subject: fiber(reorders) },
  { name: "drops the tail of a chunk that is given back", law: 3, says: /did not end/, subject: between(DropsTail, 6) },
  { name: "swallows a defect", law: 4, says: /outcome of task \d+, a Die/, subject: between(SwallowsDefect) },
  { name: "gives a wrong reason", law: 4, says: /TimedOut.*saw.*Interrupted/, subject: between(ConfusesReasons) },
  {
    name: "does not validate and says that it does",
    law: 4,
    says: /part that does not fit/,
    subject: { ...fiber(same), boundary: "codec" }
  },
  { name: "ends before finalizers have run", law: 5, says: /finalizers ran/, subject: fiber(endsUnfinished) },
  { name: "ends and stops nothing", law: 5, says: /finalizers ran|did not end/, subject: fiber(endsNothing) },
  { name: "leaks a slot", law: 6, says: /did not end/, subject: between(LeaksSlot) },
  { name: "runs too many", law: 6, says: /ran at once|tasks run/, subject: fiber(same, { concurrency: 4 }) },
  {
    name: "ignores its capacity",
    law: 6,
    says: /accepted and not started/,
    subject: fiber(same, { capacity: "unbounded" })
  },
  { name: "ignores bufferSize", law: 6, says: /pulled and not taken/, subject: fiber(ignoresBufferSize) },
  { name: "loses what was pushed", law: 7, says: /did not end/, subject: fiber(losesPushes) },
  { name: "pops a result twice", law: 7, says: /popped|size|pop/, subject: fiber(doubles) },
  { name: "closes a queue and stops nothing", law: 7, says: /finalizers ran/, subject: fiber(endsNothing) },
  { name: "mixes executions", law: 8, says: /results of owner/, subject: fiber(mixes) },
  { name: "serves the oldest first", law: 8, says: /did not end/, subject: fiber(starves) },
  { name: "counts all time as idle", law: 9, says: /timed out after/, subject: fiber(countsAllTime) },
  { name: "never times out", law: 9, says: /did not time out|did not end/, subject: fiber(neverExpires) },
  { name: "blames the neighbour", law: 10, says: /blamed|WorkerLost/, subject: lossy(BlamesNeighbour) },
  {
    name: "runs settled mates again",
    law: 10,
    says: /its worker was not lost|not idempotent/,
    subject: lossy(RerunsMates)
  },
  { name: "counts unclaimed tasks as attempts", law: 10, says: /time as attempt/, subject: lossy(CountsUnclaimed) },
  { name: "accepts a late outcome", law: 10, says: /indices|outcomes|second answer/, subject: lossy(AcceptsLate) },
  {
    name: "starts a task twice that must not",
    law: 10,
    says: /not idempotent|as attempt/,
    subject: lossy(StartsTwice)
  },
  { name: "forgets what a lost lane held", law: 10, says: /did not end/, subject: lossy(ForgetsLoss) }
]
