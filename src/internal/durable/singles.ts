/**
 * The runs whose tasks are run one by one, by any number of calls: the calls of one run share its ownership, which lasts
 * a little longer than they do.
 *
 * Must stay true: equal tasks of a run do not run at the same time. An ownership that could not be acquired, or that was
 * lost, is no more used by later calls.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { DurableError } from "../durableError.ts"
import type { Owners, Ownership } from "./ownership.ts"
import type { Forms } from "./taskKeys.ts"

/** How long a program keeps a run after the last call, so that not each call writes to the store. */
const IDLE = "1 second"

/** The calls with one key, of which one runs at a time. */
interface Turns {
  readonly semaphore: Semaphore.Semaphore
  calls: number
}

/** How a run was acquired. */
interface Shared {
  readonly acquired: Exit.Exit<Ownership, DurableError>
  /** The tasks that run or wait, by their keys. */
  readonly busy: Map<string, Turns>
  dropped: boolean
}

/** A run that the calls share. */
export interface Single {
  readonly ownership: Ownership
  /** Of all tasks that were run. */
  readonly forms: Forms
  /** Runs an effect when no other one runs with the same key. */
  readonly alone: <A, E, R>(key: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export class Singles {
  private readonly runs: RcMap.RcMap<string, Shared>
  private readonly forms: Forms = new Map()
  /** How many calls use a run, or wait for it. */
  private readonly calls = new Map<string, number>()

  private constructor(runs: RcMap.RcMap<string, Shared>) {
    this.runs = runs
  }

  static make(owners: Owners): Effect.Effect<Singles, never, Scope.Scope> {
    const lookup = (run: string) =>
      Effect.map(
        Effect.exit(owners.acquire(run)),
        (acquired): Shared => ({ acquired, busy: new Map(), dropped: false })
      )
    return Effect.map(RcMap.make({ lookup, idleTimeToLive: IDLE }), (runs) => new Singles(runs))
  }

  /** Uses a run, which is acquired if this program does not have it. */
  use<A, E, R>(run: string, use: (single: Single) => Effect.Effect<A, E, R>): Effect.Effect<A, E | DurableError, R> {
    const called = Effect.gen({ self: this }, function*() {
      const shared = yield* RcMap.get(this.runs, run)
      const drop = Effect.suspend(() => this.drop(run, shared))
      const ownership = yield* Effect.tapCause(shared.acquired, () => drop)
      const single: Single = { ownership, forms: this.forms, alone: (key, effect) => alone(shared.busy, key, effect) }
      return yield* Effect.tapError(use(single), (error) => isLost(error) ? drop : Effect.void)
    })
    return Effect.acquireUseRelease(
      Effect.sync(() => this.count(run, 1)),
      () => Effect.scoped(called),
      () => Effect.sync(() => this.count(run, -1))
    )
  }

  /** Gives up a run that no call uses. */
  release(run: string): Effect.Effect<void> {
    return Effect.suspend(() => this.calls.has(run) ? Effect.void : RcMap.invalidate(this.runs, run))
  }

  private count(run: string, change: 1 | -1): void {
    const count = (this.calls.get(run) ?? 0) + change
    if (count === 0) this.calls.delete(run)
    else this.calls.set(run, count)
  }

  /** Once: the next calls acquire it anew. */
  private drop(run: string, shared: Shared): Effect.Effect<void> {
    if (shared.dropped) return Effect.void
    shared.dropped = true
    return RcMap.invalidate(this.runs, run)
  }
}

const isLost = (error: unknown): boolean => {
  const { _tag, reason } = error as Partial<DurableError>
  return _tag === "DurableError" && reason?._tag === "RunBusy"
}

const alone = <A, E, R>(
  busy: Map<string, Turns>,
  key: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const turns = busy.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), calls: 0 }
      busy.set(key, turns)
      turns.calls++
      return turns
    }),
    ({ semaphore }) => semaphore.withPermit(effect),
    (turns) =>
      Effect.sync(() => {
        if (--turns.calls === 0) busy.delete(key)
      })
  )
