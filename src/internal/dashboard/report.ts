/**
 * A recording as one HTML file, which is the page with its data inside.
 *
 * Must stay true: the file needs no network, and is at most 2 MB: the whole run is left out first, then the details of
 * the oldest failures. All data is base64, so no text of a task can become a part of the HTML.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { availableParallelism } from "node:os"
import { deflateRawSync } from "node:zlib"
import type { Failure, HistoryHeader, Snapshot } from "../recorder/model.ts"
import type { ViewedRecording } from "../recorder/recording.ts"
import * as Page from "./page.ts"

const MAX_BYTES = 2_000_000

/** Bytes of the header of a packed history before its text. */
const LENGTH_BYTES = 4

/** The length of the JSON, the JSON, and the history. `page/report.ts` reads it. */
const pack = (data: unknown, history: Uint8Array): string => {
  const json = Buffer.from(JSON.stringify(data))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUint32LE(json.length)
  return deflateRawSync(Buffer.concat([length, json, history])).toString("base64")
}

/** The columns of a packed history, without the segments after them. `recorder/pack.ts` describes the bytes. */
const columnsOf = (history: Uint8Array): Uint8Array => {
  if (history.length === 0) return history
  const view = new DataView(history.buffer, history.byteOffset, history.byteLength)
  const text = view.getUint32(0, true)
  const header: HistoryHeader = JSON.parse(Buffer.from(history.subarray(LENGTH_BYTES, LENGTH_BYTES + text)).toString())
  const arrays = header.workers.reduce((sum, { types }) => sum + types.length + 1, 0)
  return history.subarray(0, Math.ceil((LENGTH_BYTES + text) / 8) * 8 + 2 * arrays * header.columns)
}

const footerOf = ({ duration, startedAt }: Snapshot, failures: ReadonlyArray<Failure>): string => {
  const payloads = failures.some(({ payload }) => payload !== null) ? "payloads of failed tasks" : "no payloads"
  const at = new Date(startedAt + duration).toISOString().slice(0, 16).replace("T", ", ")
  return `Written by papyros on ${at} UTC · Node ${process.versions.node} · ${availableParallelism()} CPUs · ` +
    `contains ${payloads}`
}

/** The report of a recording so far. */
export const reportOf = Effect.fnUntraced(function*(recording: ViewedRecording) {
  const page = yield* Page.load
  const none = new Uint8Array(0)
  const snapshot = yield* recording.snapshot
  const found = yield* Effect.forEach(snapshot.latestFailures, ({ id }) => recording.failure(id))
  const failures = found.flatMap((failure) => Option.isSome(failure) ? [failure.value] : [])
  const history = Option.getOrElse(yield* recording.history, () => none)
  const footer = footerOf(snapshot, failures)
  const html = (failures: ReadonlyArray<Failure>, history: Uint8Array): string =>
    page.html({
      title: `${snapshot.name} · papyros`,
      policy: page.policy("'none'"),
      data: pack({ snapshot, failures, footer }, history)
    })
  // The parts that are left out, in order.
  for (const [kept, columns] of [[1, columnsOf(history)], [1, none], [0.5, none], [0.25, none], [0.1, none]] as const) {
    const report = html(failures.slice(0, Math.ceil(failures.length * kept)), columns)
    if (report.length <= MAX_BYTES) return report
  }
  return html([], none)
})
