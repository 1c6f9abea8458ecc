/**
 * Runs generated programs on a kind of dispatcher, seed by seed, until the oracle finds a broken promise.
 *
 * A seed determines program, schedule, faults and history. Shrinking keeps the seed and makes the program smaller, so
 * a replay by the seed runs the original program.
 */
import * as Effect from "effect/Effect"
import { perform } from "./actors.ts"
import type { Kind } from "./kinds.ts"
import { Oracle } from "./oracle.ts"
import { generate, type ProgramPlan } from "./program.ts"
import { smaller } from "./shrink.ts"
import { Stage } from "./stage.ts"
import { SimulatedTasks } from "./tasks.ts"
import { runWorld, World } from "./world.ts"

/**
 * The result of one simulated program.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ProgramRun {
  readonly seed: number
  readonly plan: ProgramPlan
  /** The broken promises that the oracle found; empty if there are none. */
  readonly violations: ReadonlyArray<string>
  /** The events of the run, one line each, with the virtual time in milliseconds. */
  readonly history: ReadonlyArray<string>
  /** A hash of all choices of the run: equal in two runs that made the same choices. */
  readonly digest: number
  readonly tasks: number
}

/**
 * Runs the generated program of a seed, or a given program with the random choices of that seed.
 *
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const simulateProgram = (
  kind: Kind,
  seed: number,
  options?: { readonly plan?: ProgramPlan | undefined }
): Effect.Effect<ProgramRun> =>
  Effect.suspend(() => {
    const plan = options?.plan ?? generate(seed, kind)
    const oracle = new Oracle(kind.promises(plan))
    const stage = new Stage(oracle)
    const { handle } = stage
    const handlers = SimulatedTasks.toLayer({ Work: handle, Side: handle, Once: handle, Brief: handle })
    const world = new World(seed, {
      onQuiet: stage.onQuiet,
      onAdvance: (millis) => oracle.advanced(millis),
      maxTurns: 20_000
    })
    return Effect.map(
      runWorld(perform(stage, plan, kind.layer({ seed, plan, stage }, handlers)), world),
      (run): ProgramRun => {
        if (run.endless) oracle.violate("livelock", `${run.turns} turns in ${run.millis} ms`)
        else if (run.exit === undefined) oracle.violate("hang", "the program does not end")
        else if (run.exit._tag === "Failure") oracle.violate("program", String(run.exit.cause))
        for (const error of run.thrown) oracle.violate("thrown", String(error))
        return {
          seed,
          plan,
          violations: oracle.violations,
          history: oracle.history,
          digest: run.digest,
          tasks: oracle.tasks.length
        }
      }
    )
  })

/**
 * Shrinks a failing program, as long as the smaller program breaks the same rule.
 *
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const shrinkProgram = (
  kind: Kind,
  failed: ProgramRun,
  options?: { readonly tries?: number | undefined }
): Effect.Effect<ProgramRun> =>
  Effect.gen(function*() {
    if (failed.violations.length === 0) return failed
    const rule = ruleOf(failed)
    let best = failed
    let tries = options?.tries ?? 1000
    for (let progress = true; progress && tries > 0;) {
      progress = false
      for (const plan of smaller(best.plan)) {
        if (tries-- <= 0) break
        const run = yield* simulateProgram(kind, failed.seed, { plan })
        if (run.violations.length === 0 || ruleOf(run) !== rule) continue
        best = run
        progress = true
        break
      }
    }
    return best
  })

const ruleOf = ({ violations }: ProgramRun): string => violations[0].split(":")[0]
