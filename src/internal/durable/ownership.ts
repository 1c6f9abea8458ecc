/**
 * One program at a time has a run: its owner gives a sign of life every 2 s, and is gone after 8 s without one.
 *
 * Must stay true: a program whose run was taken over stores nothing any more. A program of this host that has ended is
 * known to be gone at once, so that a killed program can be run again without a wait.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { DurableError, RunBusy } from "../durableError.ts"
import { persist, persistBriefly } from "./persist.ts"
import { type Acquired, SILENCE, type Store } from "./store.ts"
import { watch } from "./watch.ts"

const BEAT = "2 seconds"

/** Rows that are removed together: a statement of a file blocks the event loop. */
const MAX_REMOVED = 1000

/** A run that this program has until its scope closes. */
export interface Ownership {
  readonly owner: string
  /** The run had no row when it was acquired. */
  empty: boolean
  /** Set when every task of the source has its outcome: how long they are kept, in milliseconds. */
  end: { readonly keep: number | undefined } | undefined
  /** Called when another program has the run. */
  onLost: ((error: DurableError) => void) | undefined
}

// ----------------------------------------------------------------------------
// The names of owners
// ----------------------------------------------------------------------------

/** When this process started, in each of its threads: the next process with the same id has another time. */
const started = () => String(Math.round(performance.timeOrigin))

const ownName = (): string => [hostname(), process.pid, started(), randomUUID()].join(" ")

interface Owner {
  readonly host: string
  readonly pid: number
  readonly started: string
}

const parse = (name: string): Owner => {
  const [host, pid, started] = name.split(" ")
  return { host, pid: Number(pid), started }
}

const isThisProcess = (owner: Owner): boolean =>
  owner.host === hostname() && owner.pid === process.pid && owner.started === started()

/** Whether the owner is known to have ended. Of other hosts nothing is known. */
const hasEnded = (owner: Owner): boolean => {
  if (owner.host !== hostname() || !Number.isInteger(owner.pid) || owner.pid < 1) return false
  if (owner.pid === process.pid) return owner.started !== started()
  try {
    process.kill(owner.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"
  }
}

/** Whether an owner that was silent for so long may go on. */
export const mayLive = (name: string, silentFor: number): boolean => silentFor < SILENCE && !hasEnded(parse(name))

/** The owner, for people. */
export const describeOwner = (name: string): string => {
  const owner = parse(name)
  return isThisProcess(owner) ? "this program" : `process ${owner.pid} on ${owner.host}`
}

// ----------------------------------------------------------------------------
// Acquiring
// ----------------------------------------------------------------------------

/** The run was taken over, because this program was silent for too long. */
export const lost = (run: string): DurableError =>
  new DurableError({ reason: new RunBusy({ run, by: "a program that took it over while this one stood still" }) })

/** Acquires runs of one store. */
export class Owners {
  private readonly store: Store
  /** Of the Layer. */
  private readonly scope: Scope.Scope
  private cleaning = false
  /** Owners of this program that could not release their run, because the store refused to write. */
  private readonly abandoned = new Set<string>()

  constructor(store: Store, scope: Scope.Scope) {
    this.store = store
    this.scope = scope
  }

  /** Acquires a run for the scope. If its owner may be gone, waits until that is known. Fails with `RunBusy`. */
  acquire(run: string): Effect.Effect<Ownership, DurableError, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const { expired, ownership } = yield* this.hold(run)
      if (!expired) return ownership
      yield* this.removeRows(run)
      yield* this.take(run, ownership.owner)
      ownership.empty = true
      return ownership
    })
  }

  /** Removes a run that is held, with all its rows. Returns how many there were. */
  removeRows(run: string): Effect.Effect<number, DurableError> {
    const some = Effect.suspend(() => persist(this.store.removeRun(run, MAX_REMOVED)))
    return Effect.gen(function*() {
      let count = 0
      for (let removed = MAX_REMOVED; removed === MAX_REMOVED; count += removed) {
        removed = yield* some
        yield* Effect.yieldNow
      }
      return count
    })
  }

  /** Removes the runs that have expired, but those that a program has. */
  readonly clean: Effect.Effect<number, DurableError> = Effect.gen({ self: this }, function*() {
    let count = 0
    for (const run of yield* persistBriefly(this.store.expired)) {
      const removed = Effect.flatMap(
        this.hold(run),
        ({ expired }) => expired ? Effect.as(this.removeRows(run), 1) : Effect.succeed(0)
      )
      count += yield* Effect.catchReason(Effect.scoped(removed), "DurableError", "RunBusy", () => Effect.succeed(0))
    }
    return count
  })

  /** Removes them while the Layer is there. What the store refuses shows when outcomes are stored. */
  readonly cleanInBackground: Effect.Effect<void> = Effect.suspend(() => {
    if (this.cleaning) return Effect.void
    this.cleaning = true
    const clean = Effect.ensuring(Effect.ignore(this.clean), Effect.sync(() => this.cleaning = false))
    return Effect.asVoid(Effect.forkIn(clean, this.scope))
  })

  private hold(run: string): Effect.Effect<Held, DurableError, Scope.Scope> {
    const { store } = this
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function*() {
        const owner = ownName()
        const { empty, expired } = yield* restore(this.take(run, owner))
        const ownership: Ownership = { owner, empty, end: undefined, onLost: undefined }
        yield* Effect.addFinalizer(() =>
          Effect.catch(
            Effect.suspend(() => store.release(run, owner, ownership.end)),
            () => Effect.sync(() => this.abandoned.add(owner))
          )
        )
        const beat = Effect.map(persist(store.renew(run, owner)), (owned) => {
          if (!owned) ownership.onLost?.(lost(run))
          return owned
        })
        const beats = Effect.repeat(beat, { schedule: Schedule.spaced(BEAT), while: (owned) => owned })
        // What the store refuses shows when outcomes are stored.
        yield* Effect.forkScoped(restore(Effect.ignore(Effect.delay(beats, BEAT))))
        return { ownership, expired }
      })
    )
  }

  private take(run: string, owner: string): Effect.Effect<Taken, DurableError> {
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      let changed: Effect.Effect<void> | undefined
      let instead: string | undefined
      for (let seen: number | undefined;;) {
        const taken = yield* persistBriefly(this.store.acquire(run, owner, instead))
        if (taken.acquired) return taken
        const other = parse(taken.owner)
        const ended = hasEnded(other) || this.abandoned.delete(taken.owner)
        if (ended && instead !== taken.owner) {
          instead = taken.owner
          continue
        }
        if (isThisProcess(other) || (seen !== undefined && taken.seen !== seen)) return yield* busy(run, taken.owner)
        seen = taken.seen
        // The first wait ends at once: the owner may have changed before.
        if (changed === undefined) changed = yield* watch(this.store, run)
        else yield* changed
      }
    }))
  }
}

type Taken = Extract<Acquired, { readonly acquired: true }>

interface Held {
  readonly ownership: Ownership
  readonly expired: boolean
}

const busy = (run: string, owner: string): DurableError =>
  new DurableError({ reason: new RunBusy({ run, by: describeOwner(owner) }) })
