/** The terms of a benchmark: suites, their cases, and the competitors that are measured in a case. Imports only the tally. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Tally } from "./tally.ts"

/** Fewer rounds give no figures that may be quoted. */
export const ROUNDS = 15

/** A competitor that cannot be measured here, has crashed or hangs. It is said in its row. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", { message: Schema.String }) {}

/** A run that has measured itself. */
export interface Measured {
  readonly tally: Tally
  /** One for each of the `figures` of the case. */
  readonly figures: ReadonlyArray<number>
}

/** One way to do the work of a case. */
export interface Competitor {
  readonly name: string
  /** Does all its tasks once. */
  readonly run: Effect.Effect<Tally | Measured, Broken>
  /** Tasks in one of its runs and what they must deliver, where that differs from the case. */
  readonly own?: { readonly tasks: number; readonly expected: Tally } | undefined
  /** What its ratio to a baseline, or its time, should be; printed, by the name of the baseline. */
  readonly target?: Readonly<Record<string, string>> | undefined
}

/** The competitor of this name, or the one of several with the best median. */
export type Baseline = string | { readonly name: string; readonly bestOf: ReadonlyArray<string> }

export interface Case {
  readonly name: string
  /** Tasks in one run. */
  readonly tasks: number
  /** What every competitor must deliver. */
  readonly expected: Tally
  /** What runs measure themselves, with its unit, less being better. Default: tasks per second, by the clock. */
  readonly figures?: ReadonlyArray<string> | undefined
  /** At most so many rounds, for what takes long and hardly varies. */
  readonly rounds?: number | undefined
  /** Rounds that are not counted, where the default does not fit. */
  readonly warmUp?: number | undefined
  /** What the others are compared with. */
  readonly baselines: ReadonlyArray<Baseline>
  readonly competitors: ReadonlyArray<Competitor>
}

export interface Suite {
  readonly name: string
  /** `"wall"`: what has passed. `"main thread"`: the time of a CPU that the main thread has used. */
  readonly clock: "wall" | "main thread"
  readonly settings: Readonly<Record<string, number | string>>
  readonly cases: ReadonlyArray<{
    readonly name: string
    readonly make: Effect.Effect<Case, never, Scope.Scope>
  }>
}
