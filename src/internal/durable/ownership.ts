/**
 * One program at a time has a run: its owner gives a sign of life every 2 s, and is gone after 8 s without one.
 *
 * Must stay true: a program whose run was taken over stores nothing any more. A program of this host that has ended is
 * known to be gone at once, so that a killed program can be run again without a wait.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import { DurableError, RunBusy } from "../durableError.ts"
import { persist, persistAtEnd, persistBriefly, persistWithWarning } from "./persist.ts"
import { type Acquired, SILENCE, type Store } from "./store.ts"
import { watch } from "./watch.ts"

const BEAT = "2 seconds"

/**
 * An owner is gone, too, if it was silent for so many nanoseconds by the clock of the program that waits: that of the
 * store may have been set back.
 */
const OWN_SILENCE = BigInt(SILENCE + 1000) * 1_000_000n

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

const host = () => hostname().replaceAll(" ", "-")

/**
 * Where the ids of processes are those of this process. Several containers, and hosts, may have one name, and each counts
 * its processes from 1: on Linux it is the start of the kernel and the namespace of its processes.
 */
export const processSpace = (): string => {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${readlinkSync("/proc/self/ns/pid")}`
  } catch {
    return "-"
  }
}

/** The purpose for which a program has a run: to remove it if it has expired, or to use it. */
type Purpose = "clean" | "use"

const ownName = (purpose: Purpose): string =>
  [host(), process.pid, started(), randomUUID(), processSpace(), purpose].join(" ")

interface Owner {
  readonly host: string
  readonly pid: number
  readonly started: string
  readonly space: string | undefined
  readonly cleans: boolean
}

const parse = (name: string): Owner => {
  const [host, pid, started, , space, purpose] = name.split(" ")
  return { host, pid: Number(pid), started, space, cleans: purpose === "clean" }
}

const isNeighbor = (owner: Owner): boolean => owner.host === host() && owner.space === processSpace()

const isThisProcess = (owner: Owner): boolean =>
  isNeighbor(owner) && owner.pid === process.pid && owner.started === started()

/** Whether the owner is known to have ended. Of other hosts and containers nothing is known. */
const hasEnded = (owner: Owner): boolean => {
  if (!isNeighbor(owner) || !Number.isInteger(owner.pid) || owner.pid < 1) return false
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
      const { expired, ownership } = yield* this.hold(run, "use")
      if (expired) {
        yield* this.removeRows(run, ownership.owner)
        yield* this.take(run, ownership.owner)
        ownership.empty = true
      }
      yield* this.beat(run, ownership)
      return ownership
    })
  }

  /** Removes a run that `owner` has, with all its rows. Returns how many there were. */
  removeRows(run: string, owner: string): Effect.Effect<number, DurableError> {
    const some = Effect.suspend(() => orLost(run, persist(this.store.removeRun(run, owner, MAX_REMOVED))))
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
        this.hold(run, "clean"),
        ({ expired, ownership }) => expired ? Effect.as(this.removeRows(run, ownership.owner), 1) : Effect.succeed(0)
      )
      count += yield* Effect.catchReason(Effect.scoped(removed), "DurableError", "RunBusy", () => Effect.succeed(0))
    }
    return count
  })

  /** Removes them while the Layer is there. An error of the store shows when outcomes are stored. */
  readonly cleanInBackground: Effect.Effect<void> = Effect.suspend(() => {
    if (this.cleaning) return Effect.void
    this.cleaning = true
    const clean = Effect.ensuring(Effect.ignore(this.clean), Effect.sync(() => this.cleaning = false))
    return Effect.asVoid(Effect.forkIn(clean, this.scope))
  })

  /** Has the run until the scope closes, without signs of life. */
  private hold(run: string, purpose: Purpose): Effect.Effect<Held, DurableError, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function*() {
        const ownership: Ownership = { owner: ownName(purpose), empty: false, end: undefined, onLost: undefined }
        let refused = false
        // An interruption may come between the write and its answer.
        yield* Effect.addFinalizer(() => refused ? Effect.void : this.release(run, ownership))
        const taking = Effect.tapError(
          this.take(run, ownership.owner),
          ({ reason }) => Effect.sync(() => refused = reason._tag === "RunBusy")
        )
        const { empty, expired } = yield* restore(taking)
        ownership.empty = empty
        return { ownership, expired }
      })
    )
  }

  private release(run: string, { end, owner }: Ownership): Effect.Effect<void> {
    return Effect.catch(
      persistAtEnd(this.store.release(run, owner, end)),
      () => Effect.sync(() => this.abandoned.add(owner))
    )
  }

  /** Renews the ownership until the scope closes. An error of the store shows when outcomes are stored. */
  private beat(run: string, ownership: Ownership): Effect.Effect<void, never, Scope.Scope> {
    const renewed = Effect.orElseSucceed(
      persistWithWarning(run, this.store.renew(run, ownership.owner)),
      () => true
    )
    const beat = Effect.map(renewed, (owned) => {
      if (!owned) ownership.onLost?.(lost(run))
      return owned
    })
    const beats = Effect.repeat(beat, { schedule: Schedule.spaced(BEAT), while: (owned) => owned })
    return Effect.asVoid(Effect.forkScoped(Effect.interruptible(Effect.delay(beats, BEAT))))
  }

  private take(run: string, owner: string): Effect.Effect<Taken, DurableError> {
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      let changed: Effect.Effect<void> | undefined
      let instead: string | undefined
      let seen: number | undefined
      let seenFirst = 0n
      for (;;) {
        const taken = yield* persistBriefly(this.store.acquire(run, owner, instead))
        if (taken.acquired) return taken
        const other = parse(taken.owner)
        const isSilent = taken.seen === seen && (yield* Clock.currentTimeNanos) - seenFirst > OWN_SILENCE
        const ended = isSilent || hasEnded(other) || this.abandoned.delete(taken.owner)
        if (ended && instead !== taken.owner) {
          instead = taken.owner
          continue
        }
        if (!other.cleans && (isThisProcess(other) || (seen !== undefined && taken.seen !== seen))) {
          return yield* busy(run, taken.owner)
        }
        if (taken.seen !== seen) seenFirst = yield* Clock.currentTimeNanos
        seen = taken.seen
        // The first wait ends at once: the owner may have changed before.
        if (changed === undefined) changed = yield* watch(this.store, run)
        else yield* changed
      }
    }))
  }
}

/** Fails if an operation was refused because the run was taken over. */
export const orLost = <A>(
  run: string,
  operation: Effect.Effect<A | undefined, DurableError>
): Effect.Effect<A, DurableError> =>
  Effect.flatMap(operation, (value) => value === undefined ? Effect.fail(lost(run)) : Effect.succeed(value))

type Taken = Extract<Acquired, { readonly acquired: true }>

interface Held {
  readonly ownership: Ownership
  readonly expired: boolean
}

const busy = (run: string, owner: string): DurableError =>
  new DurableError({ reason: new RunBusy({ run, by: describeOwner(owner) }) })
