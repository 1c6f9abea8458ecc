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
import { SILENCE, type Store } from "./store.ts"

const BEAT = "2 seconds"
/** Between two looks at an owner that may be gone. */
const LOOK = "500 millis"

/** A run that this program has until its scope closes. */
export interface Ownership {
  readonly owner: string
  /** The run had no row when it was acquired. */
  readonly empty: boolean
  /** Set when every task of the source has its outcome. */
  ended: boolean
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
  /** Owners of this program that could not release their run, because the store refused to write. */
  private readonly abandoned = new Set<string>()

  constructor(store: Store) {
    this.store = store
  }

  /** Acquires a run for the scope. If its owner may be gone, waits until that is known. Fails with `RunBusy`. */
  acquire(run: string): Effect.Effect<Ownership, DurableError, Scope.Scope> {
    const { store } = this
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function*() {
        const owner = ownName()
        const empty = yield* restore(this.take(run, owner))
        const ownership: Ownership = { owner, empty, ended: false, onLost: undefined }
        yield* Effect.addFinalizer(() =>
          Effect.catch(
            Effect.suspend(() => store.release(run, owner, ownership.ended)),
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
        return ownership
      })
    )
  }

  private take(run: string, owner: string): Effect.Effect<boolean, DurableError> {
    return Effect.gen({ self: this }, function*() {
      let instead: string | undefined
      for (let seen: number | undefined;;) {
        const taken = yield* persistBriefly(this.store.acquire(run, owner, instead))
        if (taken.acquired) return taken.empty
        const other = parse(taken.owner)
        const ended = hasEnded(other) || this.abandoned.delete(taken.owner)
        if (ended && instead !== taken.owner) {
          instead = taken.owner
          continue
        }
        if (isThisProcess(other) || (seen !== undefined && taken.seen !== seen)) return yield* busy(run, taken.owner)
        seen = taken.seen
        yield* Effect.sleep(LOOK)
      }
    })
  }
}

const busy = (run: string, owner: string): DurableError =>
  new DurableError({ reason: new RunBusy({ run, by: describeOwner(owner) }) })
