/**
 * The command that runs a suite:
 *
 *     npm run bench -- SUITE [--json FILE] [--report DIR] [--rounds N] [--filter CASE]
 *
 * SUITE is `cluster`, `durable`, `fiber`, `pool`, `real`, `remote` or `scheduler`,
 * or the soak, whose exit code is 1 after a wrong or lost outcome, or if memory or another resource leaks:
 *
 *     npm run bench -- soak [--minutes N] [--dispatcher pool|fiber] [--seed N]
 *
 * The suites `advice`, `dashboard`, `faults`, `memory`, `recorder` and `scale` are programs of their own:
 * `benchmark/memory/main.ts` and so on. All others are compiled before they run.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Fiber from "./fiber/suite.ts"
import { chart } from "./harness/chart.ts"
import * as Harness from "./harness/harness.ts"
import { markdown } from "./harness/markdown.ts"
import { ROUNDS, type Suite } from "./harness/model.ts"
import * as Scheduler from "./scheduler/suite.ts"

const suites = {
  cluster: Effect.map(Effect.promise(() => import("./cluster/suite.ts")), (module) => module.suite),
  durable: Effect.map(Effect.promise(() => import("./durable/suite.ts")), (module) => module.suite),
  fiber: Effect.succeed(Fiber.suite),
  // Loaded on demand: these suites import the libraries that they compare. Some calibrate their tasks, or make a bundle.
  pool: Effect.flatMap(Effect.promise(() => import("./pool/suite.ts")), (module) => module.make),
  real: Effect.flatMap(Effect.promise(() => import("./real/suite.ts")), (module) => module.make),
  remote: Effect.map(Effect.promise(() => import("./remote/suite.ts")), (module) => module.suite),
  scheduler: Effect.succeed(Scheduler.suite)
}

const flags = {
  json: Flag.File("json").pipe(
    Flag.withDescription(`Write the figures to a JSON file; needs at least ${ROUNDS} rounds`),
    Flag.optional
  ),
  report: Flag.Directory("report").pipe(
    Flag.withDescription("Write a Markdown page and an SVG chart into this directory"),
    Flag.optional
  ),
  rounds: Flag.Int("rounds").pipe(
    Flag.withDescription("Counted runs of every competitor"),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
    Flag.withDefault(ROUNDS)
  ),
  filter: Flag.String("filter").pipe(
    Flag.withDescription("Run only the cases whose names contain this text"),
    Flag.withDefault("")
  )
}

const measure = Effect.fnUntraced(function*(
  load: Effect.Effect<Suite>,
  { filter, json, report: directory, rounds }: {
    readonly json: Option.Option<string>
    readonly report: Option.Option<string>
    readonly rounds: number
    readonly filter: string
  }
) {
  if (Option.isSome(json) && rounds < ROUNDS) {
    return yield* new Harness.UsageError({ message: `--json needs at least ${ROUNDS} rounds` })
  }
  const suite = yield* load
  const report = yield* Harness.run(suite, { rounds, filter })
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const write = Effect.fnUntraced(function*(file: string, text: string) {
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    yield* fs.writeFileString(file, text)
    yield* Console.log(`\nWrote ${file}`)
  })
  if (Option.isSome(json)) yield* write(json.value, `${JSON.stringify(report, undefined, 2)}\n`)
  if (Option.isSome(directory)) {
    yield* write(path.join(directory.value, `${suite.name}.md`), markdown(report))
    yield* write(path.join(directory.value, `${suite.name}.svg`), chart(report))
  }
})

const description = "Measures papyros against other libraries, in paired rounds"

const suite = (name: keyof typeof suites) =>
  Command.make(name, flags, (options) => measure(suites[name], options)).pipe(Command.withDescription(description))

const soak = Command.make(
  "soak",
  {
    minutes: Flag.Finite("minutes").pipe(
      Flag.withDescription("The time to run"),
      Flag.withSchema(Schema.Finite.check(Schema.isGreaterThan(0))),
      Flag.withDefault(20)
    ),
    dispatcher: Flag.Literals("dispatcher", ["fiber", "pool"]).pipe(
      Flag.withDescription("The only kind of dispatcher to load. Default: both"),
      Flag.optional
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("Determines the scenarios"),
      Flag.withDefault(1)
    ),
    leak: Flag.Int("leak").pipe(
      Flag.withDescription("Retain so many bytes of every task, to see the verdict fail"),
      Flag.withDefault(0)
    )
  },
  Effect.fnUntraced(function*({ dispatcher, leak, minutes, seed }) {
    const { soak } = yield* Effect.promise(() => import("./soak/soak.ts"))
    const kinds = Option.match(dispatcher, { onNone: () => ["fiber", "pool"] as const, onSome: (kind) => [kind] })
    const passed = yield* soak({ minutes, kinds, seed, leak })
    if (!passed) process.exitCode = 1
  })
).pipe(Command.withDescription("Runs mixed load, checks every outcome, and looks for leaks"))

const bench = Command.make("bench").pipe(
  Command.withSubcommands([...(Object.keys(suites) as Array<keyof typeof suites>).map(suite), soak])
)

bench.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
