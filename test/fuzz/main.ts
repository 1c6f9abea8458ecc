/** Fuzzes a worker process: `npm run test:fuzz -- --frames 1000000 --from 0`, or `--seed 1234` for one connection. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { fuzz } from "./fuzz.ts"

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "100000" },
    from: { type: "string", default: "0" },
    seed: { type: "string" },
    connections: { type: "string", default: "8" }
  }
})

const from = function*(seed: number): Iterable<number> {
  while (true) yield seed++
}

const MiB = 1024 * 1024

/** The most memory beyond that of the idle worker, in bytes. */
const MAX_MEMORY = 64 * MiB

const main = Effect.gen(function*() {
  const report = yield* fuzz({
    seeds: values.seed === undefined ? from(Number(values.from)) : [Number(values.seed)],
    frames: Number(values.frames),
    connections: Number(values.connections)
  })
  const memory = `${Math.round(report.memory / MiB)} MiB over idle`
  yield* Console.log(
    `${report.frames} frames on ${report.connections} connections, ${report.refused} of which the worker ended; ` +
      `${memory}; ${report.served} tasks of another client`
  )
  for (const violation of report.violations) yield* Console.log(violation)
  return report.violations.length === 0 && report.memory <= MAX_MEMORY
})

process.exitCode = (await Effect.runPromise(Effect.scoped(main))) ? 0 : 1
