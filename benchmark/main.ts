/** `npm run bench -- fiber|scheduler [--json FILE] [--rounds N] [--filter CASE]` */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fiber from "./fiber.ts"
import * as Harness from "./harness.ts"
import * as Scheduler from "./scheduler.ts"

const suites = { fiber: Fiber.suite, scheduler: Scheduler.suite }

const bench = Command.make(
  "bench",
  {
    suite: Argument.Literals("suite", ["fiber", "scheduler"]).pipe(
      Argument.withDescription("What is measured")
    ),
    json: Flag.File("json").pipe(
      Flag.withDescription(`Write the figures to this file; needs at least ${Harness.ROUNDS} rounds`),
      Flag.optional
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.withDescription("Times that every competitor is measured"),
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
      Flag.withDefault(Harness.ROUNDS)
    ),
    filter: Flag.String("filter").pipe(
      Flag.withDescription("Only cases whose names contain this"),
      Flag.withDefault("")
    )
  },
  Effect.fnUntraced(function*({ filter, json, rounds, suite }) {
    if (Option.isSome(json) && rounds < Harness.ROUNDS) {
      return yield* new Harness.Unusable({ message: `--json needs at least ${Harness.ROUNDS} rounds` })
    }
    const report = yield* Harness.run(suites[suite], { rounds, filter })
    if (Option.isNone(json)) return
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(json.value, `${JSON.stringify(report, undefined, 2)}\n`)
    yield* Console.log(`\nWritten to ${json.value}`)
  })
).pipe(Command.withDescription("Measures papyros against others, in one process and in paired rounds"))

bench.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
