/**
 * Simulates generated programs by seed: `npm run test:simulate -- --seeds 10000 --kind fiber`, or one
 * program with all its events: `npm run test:simulate -- --kind fiber --seed 1234`.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { kinds, type ProgramRun, shrinkProgram, simulateProgram } from "papyros/testing"
import { simulateCluster } from "../support/cluster/simulation.ts"
import { simulateRemote } from "../support/remote/simulation/simulation.ts"

const { values } = parseArgs({
  options: {
    kind: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "0" },
    seed: { type: "string" }
  }
})

const isKind = (name: string): name is keyof typeof kinds => name in kinds

const names = values.kind === undefined ? Object.keys(kinds).filter(isKind) : [values.kind].filter(isKind)

/** Schedules of faults: of calls and runners of a cluster, and of Remote. */
const schedules = {
  repaired: (seed: number) => simulateCluster(seed, { kind: "repaired" }),
  broken: (seed: number) => simulateCluster(seed, { kind: "broken" }),
  mild: (seed: number) => simulateRemote(seed, { kind: "mild" }),
  severe: (seed: number) => simulateRemote(seed, { kind: "severe" })
}

const scheduleKinds = (Object.keys(schedules) as ReadonlyArray<keyof typeof schedules>).filter((kind) =>
  values.kind === undefined || values.kind === kind
)

/** Prints a plan without its unset fields. */
const show = (plan: unknown): string =>
  JSON.stringify(plan, (_, value) => value === 0 || value === false ? undefined : value, 1)

const report = (kind: string, run: ProgramRun, shrunk: ProgramRun) =>
  Console.log([
    `seed ${run.seed} of ${kind}:`,
    ...run.violations.map((violation) => `  ${violation}`),
    "",
    "a smaller program that fails by the same rule:",
    show(shrunk.plan),
    ...shrunk.history,
    "",
    `replay: npm run test:simulate -- --kind ${kind} --seed ${run.seed}`
  ].join("\n"))

const main = Effect.gen(function*() {
  if (names.length + scheduleKinds.length === 0) {
    const all = [...Object.keys(kinds), ...Object.keys(schedules)]
    yield* Console.error(`unknown kind ${values.kind}: one of ${all.join(", ")}`)
    return false
  }
  if (values.seed !== undefined) {
    for (const name of names) {
      const run = yield* simulateProgram(kinds[name], Number(values.seed))
      yield* Console.log([show(run.plan), ...run.history].join("\n"))
      yield* Console.log(run.violations.length === 0 ? `${name}: no violation` : run.violations.join("\n"))
      if (run.violations.length > 0) return false
    }
    for (const kind of scheduleKinds) {
      const run = yield* schedules[kind](Number(values.seed))
      yield* Console.log(run.lines.map((line) => JSON.stringify(line)).join("\n"))
      yield* Console.log(run.violations.length === 0 ? `${kind}: no violation` : run.violations.join("\n"))
      if (run.violations.length > 0) return false
    }
    return true
  }
  const from = Number(values.from)
  const seeds = Number(values.seeds)
  for (const name of names) {
    const since = performance.now()
    let tasks = 0
    for (let seed = from; seed < from + seeds; seed++) {
      const run = yield* simulateProgram(kinds[name], seed)
      tasks += run.tasks
      if (run.violations.length === 0) continue
      yield* report(name, run, yield* shrinkProgram(kinds[name], run))
      return false
    }
    const seconds = (performance.now() - since) / 1000
    yield* Console.log(
      `${name}: ${seeds} programs of ${(tasks / seeds).toFixed(1)} tasks keep the promises ` +
        `(${Math.round(seeds / seconds)} a second)`
    )
  }
  for (const kind of scheduleKinds) {
    const since = performance.now()
    for (let seed = from; seed < from + seeds; seed++) {
      const run = yield* schedules[kind](seed)
      if (run.violations.length === 0) continue
      const replay = `replay: npm run test:simulate -- --kind ${kind} --seed ${seed}`
      yield* Console.log([`seed ${seed} of ${kind}:`, ...run.violations, replay].join("\n"))
      return false
    }
    const rate = Math.round(seeds / ((performance.now() - since) / 1000))
    yield* Console.log(`${kind}: ${seeds} schedules of faults keep the promises (${rate} a second)`)
  }
  return true
})

process.exitCode = await Effect.runPromise(main) ? 0 : 1
