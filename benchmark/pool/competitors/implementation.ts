/**
 * A load is what the tasks of one case are, for every competitor; a contestant has
 * its threads running and does loads with them.
 *
 * Payloads are distinct objects: structured clone stores a repeated one only once a
 * message.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Broken, type Measured } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import { windowed } from "../workload/concurrency.ts"
import type { Payloads, WorkName } from "../workload/functions.ts"

export interface Load<W extends WorkName> {
  readonly work: W
  /** Of the `i`th task, from 0. */
  readonly payload: (i: number) => Payloads[W]
  /** What counts of a result. */
  readonly outcome: (result: unknown) => number
  /** Whether buffers are transferred, both ways. */
  readonly move: boolean
}

export interface Contestant {
  /** Does the first `tasks` of a load, so many of them at once as the window says. */
  readonly run: <W extends WorkName>(load: Load<W>, tasks: number) => Effect.Effect<Tally, Broken>
  /** Does them one at a time with a pause before each, and says how long each took. */
  readonly oneByOne: <W extends WorkName>(
    load: Load<W>,
    tasks: number,
    pause: number
  ) => Effect.Effect<Measured, Broken>
}

export interface Peer {
  readonly name: string
  /** How it is set up, for those who read the figures. */
  readonly settings: string
  /** Whether its threads can transfer what they return. */
  readonly returnsMoved: boolean
  readonly open: Effect.Effect<Contestant, Broken, Scope.Scope>
}

/** In seconds; the longest ones should take less than one. */
const LONGEST_RUN = 60

export const broken = (error: unknown) => new Broken({ message: String(error).split("\n", 1)[0] })

/** A peer that rejects or never ends is broken; the others go on. */
export const guard = <A>(run: (signal: AbortSignal) => Promise<A>, seconds = LONGEST_RUN): Effect.Effect<A, Broken> =>
  hangs(Effect.tryPromise({ try: run, catch: broken }), seconds)

export const hangs = <A, R>(run: Effect.Effect<A, Broken, R>, seconds = LONGEST_RUN): Effect.Effect<A, Broken, R> =>
  Effect.timeoutOrElse(run, {
    duration: seconds * 1000,
    orElse: () => Effect.fail(new Broken({ message: `hangs: did not end within ${seconds} s` }))
  })

// ----------------------------------------------------------------------------
// Contestants that return promises
// ----------------------------------------------------------------------------

type Call = <W extends WorkName>(load: Load<W>) => (payload: Payloads[W]) => Promise<unknown>

export const fromPromises = (call: Call): Contestant => ({
  run: (load, tasks) =>
    guard(async () => {
      const tally = new Tally()
      const one = call(load)
      await windowed(tasks, async (i) => {
        tally.success(load.outcome(await one(load.payload(i))))
      })
      return tally
    }),
  oneByOne: (load, tasks, pause) =>
    guard(async () => {
      const tally = new Tally()
      const one = call(load)
      const durations = new Durations()
      for (let i = 0; i < tasks; i++) {
        const payload = load.payload(i)
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
        const before = performance.now()
        const result = await one(payload)
        durations.add(performance.now() - before)
        tally.success(load.outcome(result))
      }
      return { tally, figures: durations.figures() }
    })
})

/** Durations of single tasks: their median and 99th percentile in microseconds. */
export class Durations {
  private readonly millis: Array<number> = []

  add(millis: number): void {
    this.millis.push(millis)
  }

  figures(): ReadonlyArray<number> {
    const sorted = this.millis.toSorted((a, b) => a - b)
    return [0.5, 0.99].map((share) => 1000 * sorted[Math.ceil(share * sorted.length) - 1])
  }
}
