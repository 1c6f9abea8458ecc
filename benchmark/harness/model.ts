/**
 * The terms of a benchmark: a suite has cases, and a case measures competitors that all do the same work.
 *
 * This module imports nothing but the tally, so that every other module of the harness can import it.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Tally } from "./tally.ts"

/** The default number of rounds, and the fewest from which figures may be quoted. */
export const ROUNDS = 15

/** A competitor is not available on this machine, crashed or hung. Its row shows the message instead of figures. */
export class CompetitorError extends Schema.TaggedError<CompetitorError>()("CompetitorError", {
  message: Schema.String
}) {}

/** The result of a run that takes its own measurements. */
export interface Measurement {
  readonly tally: Tally
  /** One value for each of the `metrics` of the case. */
  readonly values: ReadonlyArray<number>
}

/** The work of one run. */
export interface Workload {
  /** Number of tasks. */
  readonly tasks: number
  /** The results that a run must deliver. */
  readonly expected: Tally
}

/** One implementation, as a case measures it. */
export interface Competitor {
  readonly name: string
  /** Runs every task of the workload once. */
  readonly run: Effect.Effect<Tally | Measurement, CompetitorError>
  /** Default: the workload of the case. */
  readonly workload?: Workload | undefined
  /** The intended ratio or value, as text for the report, by the name of a baseline: for all metrics, or for each. */
  readonly target?: Readonly<Record<string, string | ReadonlyArray<string | undefined>>> | undefined
}

/** A competitor by its name, or the one of several with the best median. */
export type Baseline = string | { readonly name: string; readonly bestOf: ReadonlyArray<string> }

export interface Case extends Workload {
  readonly name: string
  /**
   * Names and units of the values that every run measures itself; lower is better. `undefined` stands for tasks per
   * second, of which more is better. Default: the harness measures tasks per second.
   */
  readonly metrics?: ReadonlyArray<string | undefined> | undefined
  /** The number of metrics, from the first, that the chart shows. Default: all. */
  readonly chartedMetrics?: number | undefined
  /** An upper bound for the number of rounds, for long runs whose values vary little. */
  readonly rounds?: number | undefined
  /** Rounds before the first counted one. Default: that of the harness. */
  readonly warmUp?: number | undefined
  /** The competitors that all others are compared with. */
  readonly baselines: ReadonlyArray<Baseline>
  readonly competitors: ReadonlyArray<Competitor>
}

export interface Suite {
  readonly name: string
  /** `"wall"` is elapsed time, `"main thread"` the CPU time of the main thread. */
  readonly clock: "wall" | "main thread"
  readonly settings: Readonly<Record<string, number | string>>
  /** Why papyros is behind another library where it is, for the page: one sentence or more for each cause. */
  readonly causes?: ReadonlyArray<string> | undefined
  readonly cases: ReadonlyArray<{
    readonly name: string
    readonly make: Effect.Effect<Case, never, Scope.Scope>
  }>
}
