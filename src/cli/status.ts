/**
 * `papyros status`: shows the groups of a name server, their workers, and the tasks of each worker.
 *
 * Must stay true: names that peers chose are printed without control characters.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { nameServerOption, secretOption } from "../internal/remote/options.ts"
import { sanitizeForLog } from "../internal/sanitize.ts"
import { Exited, UNUSABLE, Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Remote from "./remoteFlags.ts"
import type { Row } from "./statusQuery.ts"
import * as Stderr from "./stderr.ts"
import * as Stdout from "./stdout.ts"

const config = {
  group: Remote.group,
  nameServer: Remote.nameServer,
  secretFile: Remote.secretFile,
  secretGroupReadable: Remote.secretGroupReadable,
  watch: Flags.toggle("watch", "Show the table again every second, until interrupted")
}

/** The time between two queries, from which rates are computed, in milliseconds. */
const PERIOD = 1000

// ----------------------------------------------------------------------------
// The table
// ----------------------------------------------------------------------------

const count = (n: number): string => Math.round(n).toLocaleString("en-US")

const outcomes = ({ status }: Row): number => status === undefined ? 0 : status.succeeded + status.failed

/** The same worker in an earlier query. */
const earlier = (row: Row, before: ReadonlyArray<Row>): Row | undefined =>
  before.find(({ group, worker }) => group === row.group && worker === row.worker)

/** Where there is no value. */
const NONE = "-"

/** Tasks per second between two queries. */
const rate = (row: Row, before: ReadonlyArray<Row>): string => {
  const from = earlier(row, before)
  if (from?.status === undefined || row.status === undefined || row.at <= from.at) return ""
  return count(Math.max(0, outcomes(row) - outcomes(from)) / (row.at - from.at) * 1000)
}

/** The share of the time of slots in which tasks ran, between two queries. */
const busy = (row: Row, before: ReadonlyArray<Row>): string => {
  const [from, to] = [earlier(row, before)?.status?.busy, row.status?.busy]
  if (from === undefined || to === undefined || to.slots <= from.slots) return NONE
  const share = (to.running - from.running) / (to.slots - from.slots)
  return `${Math.round(100 * Math.max(0, Math.min(1, share)))} %`
}

const UNITS = [["µs", 0.001], ["ms", 1], ["s", 1000], ["min", 60_000], ["h", 3_600_000]] as const

/** Milliseconds, in two digits at least. */
const time = (millis: number | undefined): string => {
  if (millis === undefined) return NONE
  const [unit, size] = UNITS.findLast(([, size]) => millis >= size) ?? UNITS[0]
  const value = millis / size
  return `${value < 10 ? value.toFixed(1) : count(value)} ${unit}`
}

const table = (rows: ReadonlyArray<Row>, before: ReadonlyArray<Row>): string => {
  const cells = [
    ["group", "worker", "slots", "clients", "running", "waiting", "done", "failed", "busy", "p95", "tasks/s"],
    ...rows.map((row) => {
      const { group, status, worker } = row
      if (status === undefined) return [group, worker, "does not answer", ...Array<string>(8).fill("")]
      const { clients, failed, running, slots, succeeded, waiting } = status
      const counts = [slots, clients, running, waiting, succeeded, failed].map(count)
      return [group, worker, ...counts, busy(row, before), time(status.p95), rate(row, before)]
    })
  ]
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, column) => column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
      .trimEnd()
  return cells.map(line).join("\n")
}

const CLEAR = "\u001b[H\u001b[2J"

const run = Effect.fnUntraced(function*(
  { group, nameServer, watch, ...secretFlags }: Command.Command.Config.Infer<typeof config>
) {
  const { query } = yield* Effect.promise(() => import("./statusQuery.ts"))
  const stdio = yield* Stdio.Stdio
  const secret = yield* secretOption(yield* Remote.readSecret(secretFlags))
  const options = { ...nameServerOption(Option.getOrUndefined(nameServer)), secret }
  const clear = watch && (yield* stdio.stdoutIsTerminal) ? CLEAR : ""
  const show = (text: string) => Effect.catch(Stdout.write(stdio, Stream.make(`${clear}${text}\n`)), Stdout.exitOf)
  const named = Option.isSome(group) ? ` in the group ${group.value}` : ""
  const render = (rows: ReadonlyArray<Row>, before: ReadonlyArray<Row>): string =>
    rows.length === 0 ? `No worker is registered${named}.` : table(rows, before)

  if (!watch) {
    const before = yield* query(options, group)
    if (before.length === 0) return yield* show(render([], []))
    yield* Effect.sleep(PERIOD)
    return yield* show(render(yield* query(options, group), before))
  }
  for (let before: ReadonlyArray<Row> = [];; yield* Effect.sleep(PERIOD)) {
    const rows = yield* Effect.result(query(options, group))
    if (Result.isSuccess(rows)) {
      yield* show(render(rows.success, before))
      before = rows.success
    } else {
      // The name server may be restarting.
      if (rows.failure.reason._tag !== "Unreachable") return yield* rows.failure
      yield* show(sanitizeForLog(rows.failure.message))
    }
  }
})

const START = "Start one there with `papyros nameserver`, or choose another with --name-server."

/** The command `papyros status`. */
export const status = Command.make("status", config, (config) =>
  run(config).pipe(
    Effect.catchTag("RemoteError", ({ message, reason }) =>
      new Unusable({ message: reason._tag === "Unreachable" ? `${message}\n${START}` : message })),
    Effect.catchTag("Unusable", ({ message }) =>
      Effect.andThen(Stderr.say(message), new Exited({ code: UNUSABLE })))
  )).pipe(
    Command.withShortDescription("Show groups, their workers and their tasks"),
    Command.withDescription(
      "Shows the workers that the name server knows and the tasks of each: those that run and wait there, those that " +
        "are done since it started, the share of its time that it was busy in the last second, the time below which 95 % of " +
        "its tasks ran since it started, and the rate of the last second. Exit code 2 if the name server cannot be reached."
    ),
    Command.withExamples([
      { command: "papyros status", description: "All groups, once" },
      { command: "papyros status --group images --watch", description: "One group, every second" }
    ])
  )
