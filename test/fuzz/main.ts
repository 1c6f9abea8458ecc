/**
 * Fuzzes a worker process: `npm run test:fuzz -- --frames 1000000 --from 0`, or `--seed 1234` for one connection. With
 * `--client` it fuzzes a client.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { fuzz } from "./fuzz.ts"
import { fuzzClient } from "./fuzzClient.ts"

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "100000" },
    from: { type: "string", default: "0" },
    seed: { type: "string" },
    connections: { type: "string", default: "8" },
    client: { type: "boolean", default: false }
  }
})

const from = function*(seed: number): Iterable<number> {
  while (true) yield seed++
}

const MiB = 1024 * 1024

/** The most memory beyond that of the idle worker, in bytes. */
const MAX_MEMORY = 64 * MiB

const seeds = values.seed === undefined ? from(Number(values.from)) : [Number(values.seed)]
const frames = Number(values.frames)

const ofWorker = Effect.gen(function*() {
  const report = yield* fuzz({ seeds, frames, connections: Number(values.connections) })
  const { connections, refused, served } = report
  return { report, text: `${connections} connections, ${refused} of which the worker ended; ${served} tasks` }
})

const ofClient = Effect.gen(function*() {
  const report = yield* fuzzClient({ seeds, frames })
  const { answered, connections, served } = report
  return { report, text: `${connections} connections; ${answered} outcomes of hostile workers; ${served} tasks` }
})

const main = Effect.gen(function*() {
  const { report, text } = yield* (values.client ? ofClient : ofWorker)
  const memory = `${Math.round(report.memory / MiB)} MiB over idle`
  yield* Console.log(`${report.frames} frames on ${text} of others meanwhile; ${memory}`)
  for (const violation of report.violations) yield* Console.log(violation)
  return report.violations.length === 0 && report.memory <= MAX_MEMORY
})

process.exitCode = (await Effect.runPromise(Effect.scoped(main))) ? 0 : 1
