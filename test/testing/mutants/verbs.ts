/** Dispatchers with a fault between the verbs and the scheduler: Fiber, behind a hub that errs. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dispatcher, DispatchTimeout, SchedulerHandleKey } from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { handlers, type Subject, type SubjectOptions, Tasks } from "papyros/testing"

type Hub = Dispatcher["Service"][typeof SchedulerHandleKey]
type Origin = Parameters<Hub["subscribe"]>[0]
type Link = NonNullable<ReturnType<Hub["subscribe"]>>

const CONCURRENCY = 3

export const fiber = (
  change: (hub: Hub) => Hub,
  options: { readonly capacity?: "unbounded"; readonly concurrency?: number } = {}
): Subject => ({
  layer: ({ capacity }: SubjectOptions) =>
    Layer.effect(
      Dispatcher,
      Effect.map(
        Dispatcher,
        (dispatcher) => Dispatcher.of({ ...dispatcher, [SchedulerHandleKey]: change(dispatcher[SchedulerHandleKey]) })
      )
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
  patience: 2000
})

/** Changes what the scheduler sees of an origin, and what the origin sees of the scheduler. */
export const seam = (
  originOf: (origin: Origin, link: () => Link) => Partial<Origin>,
  linkOf: (link: Link, origin: Origin) => Partial<Link> = () => ({})
) =>
(hub: Hub): Hub => ({
  subscribe: (origin) => {
    const joined: { link?: Link | undefined } = {}
    const changed: Origin = {
      pushed: origin.pushed,
      chunkSize: origin.chunkSize,
      parent: origin.parent,
      next: () => origin.next(),
      settled: (entry) => origin.settled(entry),
      onCapacity: () => origin.onCapacity(),
      closed: () => origin.closed(),
      ...originOf(origin, () => joined.link!)
    }
    const inner = joined.link = hub.subscribe(changed)
    if (inner === undefined) return undefined
    return {
      producer: inner.producer,
      depth: inner.depth,
      timers: inner.timers,
      ready: () => inner.ready(),
      accept: (task) => inner.accept(task),
      hasCapacity: () => inner.hasCapacity(),
      cancelAfter: (after) => inner.cancelAfter(after),
      end: (stopped) => inner.end(stopped),
      slots: () => inner.slots(),
      window: () => inner.window(),
      ...linkOf(inner, origin)
    }
  }
})

export const doubles = seam((origin) => ({
  settled: (entry) => {
    origin.settled(entry)
    if (entry.failure === undefined) origin.settled(entry)
  }
}))

/** Each two tasks trade places. */
export const reorders = seam((origin) => {
  let kept: ReturnType<Origin["next"]>
  return {
    next: () => {
      const first = kept ?? origin.next()
      const known = kept !== undefined
      kept = undefined
      if (first === undefined || known || first.attempt > 0) return first
      kept = origin.next()
      if (kept === undefined || kept.attempt > 0) return first
      const { index } = first
      Object.assign(first, { index: kept.index })
      Object.assign(kept, { index })
      return first
    }
  }
})

/** Gives a task of one execution the result of the last task of another. */
export const mixes = (hub: Hub): Hub => {
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

export const ignoresBufferSize = seam(() => ({}), () => ({ slots: () => 1_000_000 }))

export const endsUnfinished = seam(() => ({}), (link) => ({
  end: (stopped) => {
    link.end(() => {})
    stopped()
  }
}))

export const endsNothing = seam(() => ({}), () => ({ end: (stopped) => stopped() }))

/** Serves only the oldest of those that are open. */
export const starves = (hub: Hub): Hub => {
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

export const losesPushes = seam((origin) => {
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

/** A second idle clock in each execution that has one, which runs when `counts` says so. */
export const idleWhen = (counts: (moment: "handed" | "again" | "settled" | "failed") => boolean) =>
  seam((origin, link) => {
    const { fail, idleTimeout } = origin as Inside
    if (idleTimeout === undefined) return {}
    const error = new DispatchTimeout({ operation: "execute", duration: Duration.millis(idleTimeout) })
    let timer: ReturnType<Link["timers"]["set"]> | undefined
    const at = (moment: Parameters<typeof counts>[0]) => {
      if (timer !== undefined) link().timers.clear(timer)
      timer = counts(moment) ? link().timers.set(idleTimeout, () => fail.call(origin, error)) : undefined
    }
    return {
      next: () => {
        const entry = origin.next()
        if (entry !== undefined) at(entry.attempt === 0 ? "handed" : "again")
        return entry
      },
      settled: (entry) => {
        at(entry.failure === undefined ? "settled" : "failed")
        origin.settled(entry)
      }
    }
  })

/** Never looks at the clock. */
export const neverExpires = seam((origin) => {
  Object.assign(origin, { idleTimeout: undefined })
  return {}
})

export const same = (hub: Hub) => hub
