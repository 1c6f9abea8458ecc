/** The recording inside a report. Its data is JSON, deflated, as base64 in an element of the page. */
import type { Failure, Snapshot } from "../src/internal/recorder/model.ts"
import { traceOf } from "../src/internal/recorder/trace.ts"
import type { Status } from "./connection.ts"
import { type History, parseHistory } from "./history.ts"
import type { Recording } from "./recording.ts"
import { Store } from "./store.ts"

/** The data of a report, which `src/internal/dashboard/report.ts` writes. The packed history follows it. */
export interface ReportData {
  readonly snapshot: Snapshot
  /** The latest failures with their details, as many as there is room for. */
  readonly failures: ReadonlyArray<Failure>
  /** A line about the program that wrote it. */
  readonly footer: string
}

/** The length of the JSON in bytes (32 bits, little-endian), the JSON, and the history if there was room for it. */
const inflate = async (
  base64: string
): Promise<{ readonly data: ReportData; readonly history: History | undefined }> => {
  const deflated = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
  const end = 4 + new DataView(bytes.buffer).getUint32(0, true)
  return {
    data: JSON.parse(new TextDecoder().decode(bytes.subarray(4, end))),
    history: end === bytes.length ? undefined : parseHistory(bytes.subarray(end))
  }
}

/** Gives a text to the user as a file. */
const save = (name: string, text: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }))
  Object.assign(document.createElement("a"), { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

export class ReportRecording implements Recording {
  readonly isReport = true
  readonly status: Status
  readonly isPaused = false
  readonly missed = 0
  readonly lastAt = undefined
  readonly store = new Store()
  readonly footer: string
  readonly files: Recording["files"]
  private readonly failures: ReadonlyMap<number, Failure>

  private readonly history: History | undefined

  private constructor({ failures, footer, snapshot }: ReportData, history: History | undefined) {
    this.history = history
    this.store.snapshot(snapshot)
    this.failures = new Map(failures.map((failure) => [failure.id, failure]))
    this.footer = footer
    this.status = { state: "ended", at: snapshot.startedAt + snapshot.duration }
    this.files = [
      { name: "data as JSON", save: () => save("report.json", JSON.stringify(snapshot, undefined, 2)) },
      { name: "trace for Perfetto", save: () => save("trace.json", traceOf(snapshot)) }
    ]
  }

  static readonly load = (element: HTMLElement): Promise<ReportRecording> =>
    inflate(element.textContent.trim()).then(({ data, history }) => new ReportRecording(data, history))

  readonly togglePause = (): void => {}
  readonly retry = (): void => {}
  readonly load = (id: number): Promise<Failure | undefined> => Promise.resolve(this.failures.get(id))
  readonly loadHistory = (): Promise<History | undefined> => Promise.resolve(this.history)
  readonly subscribe = (): () => void => () => {}
}
