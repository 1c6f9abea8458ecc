/** Fiber dispatchers with a fault between the verbs and the scheduler, in the handle by which producers subscribe. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dispatcher, DispatchTimeout, SchedulerHandleKey } from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import { handlers, type Subject, type SubjectOptions, Tasks } from "papyros/testing"

type Handle = Dispatcher["Service"][typeof SchedulerHandleKey]
type Producer = Parameters<Handle["subscribe"]>[0]
type Subscription = NonNullable<ReturnType<Handle["subscribe"]>>

const CONCURRENCY = 3

/** A dispatcher whose producers and scheduler meet through a wrapper. */
export const wrapped = (change: (handle: Handle) => Handle): Layer.Layer<Dispatcher, never, Dispatcher> =>
  Layer.effect(
    Dispatcher,
    Effect.map(
      Dispatcher,
      (dispatcher) => Dispatcher.of({ ...dispatcher, [SchedulerHandleKey]: change(dispatcher[SchedulerHandleKey]) })
    )
  )

export const fiber = (
  change: (handle: Handle) => Handle,
  options: { readonly capacity?: "unbounded"; readonly concurrency?: number } = {}
): Subject => ({
  layer: ({ capacity }: SubjectOptions) =>
    wrapped(change).pipe(
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

/** Replaces members of each producer that the scheduler calls, and of each subscription that the producer calls. */
export const seam = (
  producerOf: (producer: Producer, subscription: () => Subscription) => Partial<Producer>,
  subscriptionOf: (subscription: Subscription, producer: Producer) => Partial<Subscription> = () => ({})
) =>
(handle: Handle): Handle => ({
  serves: (name) => handle.serves(name),
  subscribe: (producer) => {
    const joined: { subscription?: Subscription | undefined } = {}
    const changed: Producer = {
      get callers() {
        return producer.callers
      },
      get unsettled() {
        return producer.unsettled
      },
      pushed: producer.pushed,
      chunkSize: producer.chunkSize,
      parent: producer.parent,
      next: () => producer.next(),
      settled: (entry) => producer.settled(entry),
      dropped: (entry) => producer.dropped?.(entry),
      onRunning: () => producer.onRunning?.(),
      onCapacity: () => producer.onCapacity(),
      closed: () => producer.closed(),
      ...producerOf(producer, () => joined.subscription!)
    }
    const inner = joined.subscription = handle.subscribe(changed)
    if (inner === undefined) return undefined
    return {
      producer: inner.producer,
      depth: inner.depth,
      timers: inner.timers,
      ready: () => inner.ready(),
      time: (entry) => inner.time(entry),
      accept: (task) => inner.accept(task),
      hasCapacity: () => inner.hasCapacity(),
      cancel: (entries) => inner.cancel(entries),
      cancelAfter: (after) => inner.cancelAfter(after),
      end: (stopped) => inner.end(stopped),
      running: () => inner.running(),
      runningUnsettled: () => inner.runningUnsettled(),
      slots: () => inner.slots(),
      window: () => inner.window(),
      ...subscriptionOf(inner, producer)
    }
  }
})

export const doubles = seam((producer) => ({
  settled: (entry) => {
    const succeeded = entry.failure === undefined
    producer.settled(entry)
    if (succeeded) producer.settled(entry)
  }
}))

/** Exchanges the indices of each two successive tasks. */
export const reorders = seam((producer) => {
  let kept: ReturnType<Producer["next"]>
  return {
    next: () => {
      const first = kept ?? producer.next()
      const known = kept !== undefined
      kept = undefined
      if (first === undefined || known || first.attempt > 0) return first
      kept = producer.next()
      if (kept === undefined || kept.attempt > 0) return first
      const { index } = first
      Object.assign(first, { index: kept.index })
      Object.assign(kept, { index })
      return first
    }
  }
})

/** Gives a task of one execution the result of the last task of another. */
export const mixes = (handle: Handle): Handle => {
  let last: { readonly producer: Producer; readonly value: unknown } | undefined
  return seam((producer) => ({
    settled: (entry) => {
      const { value } = entry
      if (last !== undefined && last.producer !== producer && entry.failure === undefined) entry.value = last.value
      last = { producer, value }
      producer.settled(entry)
    }
  }))(handle)
}

export const ignoresBufferSize = seam(() => ({}), () => ({ slots: () => 1_000_000 }))

export const endsUnfinished = seam(() => ({}), (subscription) => ({
  end: (stopped) => {
    subscription.end(() => {})
    stopped()
  }
}))

export const endsNothing = seam(() => ({}), () => ({ end: (stopped) => stopped() }))

/** Ends single tasks before their work has stopped, when the dispatcher closes. */
export const endsRunsEarly = seam((producer) => {
  const handed = new Set<NonNullable<ReturnType<Producer["next"]>>>()
  return {
    next: () => {
      const entry = producer.next()
      if (entry !== undefined) handed.add(entry)
      return entry
    },
    closed: () => {
      producer.closed()
      for (const entry of handed) producer.dropped?.(entry)
    }
  }
})

/** Serves only the oldest open producer. */
export const starves = (handle: Handle): Handle => {
  const open: Array<{ readonly producer: Producer; readonly subscription: () => Subscription }> = []
  return seam(
    (producer, subscription) => {
      open.push({ producer, subscription })
      return { next: () => open[0]?.producer === producer ? producer.next() : undefined }
    },
    (subscription, producer) => ({
      end: (stopped) =>
        subscription.end(() => {
          open.splice(open.findIndex((other) => other.producer === producer), 1)
          for (const other of open) other.subscription().ready()
          stopped()
        })
    })
  )(handle)
}

export const losesPushes = seam((producer) => {
  let handed = 0
  return {
    next: () => {
      const entry = producer.next()
      return entry === undefined || ++handed % 9 !== 0 ? entry : producer.next()
    }
  }
})

/** The members of an execution that a fault inside the execution can use. */
interface Inside extends Producer {
  /** Absent in a producer that is no execution. */
  readonly settings?: { readonly idleTimeout: number | undefined }
  readonly failed: (error: DispatchTimeout) => void
}

/** Adds a second idle timeout to each execution that has one. The timeout runs while `counts` returns `true`. */
export const idleWhen = (counts: (moment: "handed" | "again" | "settled" | "failed") => boolean) =>
  seam((producer, subscription) => {
    const { failed, settings } = producer as Inside
    const idleTimeout = settings?.idleTimeout
    if (idleTimeout === undefined) return {}
    const error = new DispatchTimeout({ operation: "execute", duration: Duration.millis(idleTimeout) })
    let timer: ReturnType<Subscription["timers"]["set"]> | undefined
    const at = (moment: Parameters<typeof counts>[0]) => {
      if (timer !== undefined) subscription().timers.clear(timer)
      timer = counts(moment) ? subscription().timers.set(idleTimeout, () => failed.call(producer, error)) : undefined
    }
    return {
      next: () => {
        const entry = producer.next()
        if (entry !== undefined) at(entry.attempt === 0 ? "handed" : "again")
        return entry
      },
      settled: (entry) => {
        at(entry.failure === undefined ? "settled" : "failed")
        producer.settled(entry)
      }
    }
  })

/** Removes the idle timeout. */
export const neverExpires = seam((producer) => {
  Object.assign(producer, { settings: { ...(producer as Inside).settings, idleTimeout: undefined } })
  return {}
})

/** Counts every task as running. */
export const countsAllAsRunning = seam(() => ({ unsettled: 0 }), () => ({ runningUnsettled: () => 0 }))

/** Counts a task that waits for a slot as one that runs. */
export const idlesForSlots = seam(() => ({}), (subscription, producer) => ({
  runningUnsettled: () => producer.unsettled,
  ready: () => {
    subscription.ready()
    producer.onRunning?.()
  }
}))

/** Gives each single run a turn of its own. */
export const turnForEachRun = (handle: Handle): Handle => ({
  serves: (name) => handle.serves(name),
  subscribe: (producer) => handle.subscribe(producer),
  get singleRuns() {
    return undefined
  },
  set singleRuns(_) {}
})

export const same = (handle: Handle) => handle
