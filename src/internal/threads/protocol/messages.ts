/**
 * The messages between the main thread and a worker thread. Messages of one side arrive in the order in which
 * they were sent; several of them travel as one array (`outbox.ts`). The steps that they form, and the claims in
 * shared memory beside them, are described in docs/internals/threads-protocol.md.
 */
import type { LogLevel } from "effect/LogLevel"
import type { Scheduler, WireFailure } from "../../../Executor.ts"
import type { EncodedColumns } from "../../encoding/columns.ts"
import type { WireSpan } from "../../encoding/span.ts"
import type { SeriesUpdate, TelemetryRecord } from "./telemetry.ts"

/**
 * Increased by every change of these messages and of `SharedState` that the other side would not understand: the program
 * and its threads may be bundles of different versions. The message `hello` never changes.
 */
export const PROTOCOL = 1

/** The data that a thread runs with. */
export interface ThreadData {
  /** The URL of the handlers module; absent if the module that the thread started with has the handlers. */
  readonly handlers: string | undefined
  /** Names of the tasks that the handlers module must support. */
  readonly names: ReadonlyArray<string>
  readonly concurrency: number
  /** The main thread has a tracer that keeps spans. */
  readonly traced: boolean
  /** Requests may have encoded payloads. */
  readonly relays: boolean
  /** Of the spans of its tasks. */
  readonly spanAttributes: ReturnType<Scheduler["spanAttributes"]>
  readonly minimumLogLevel: LogLevel
  /** The memory of `SharedState`; absent if memory cannot be shared. */
  readonly shared: SharedArrayBuffer | undefined
}

/** A message from the main thread. */
export type ToThread =
  /** The answer to `hello`. */
  | readonly [tag: "init", data: ThreadData]
  | RunRequest
  /** Stops a started item. */
  | readonly [tag: "cancel", requestId: number, at: number]
  /** Telemetry that the thread withheld can be sent. */
  | readonly [tag: "moreTelemetry"]
  /** Asks which requests the thread knows. The answer follows all outcomes that the thread has. */
  | readonly [tag: "sync", syncId: number]
  /** Ends the thread in good order. */
  | readonly [tag: "end"]

/** Items to run. The thread starts an item only after it has claimed it. */
export type RunRequest = readonly [
  tag: "run",
  requestId: number,
  /** The slot of the request in `SharedState`. */
  requestSlot: number,
  names: ReadonlyArray<string>,
  /** The index of the name of each item; absent if there is one name. */
  nameIndices: ReadonlyArray<number> | undefined,
  /** The payloads of each name. */
  payloads: ReadonlyArray<EncodedColumns> | EncodedPayloads,
  extras: Extras | undefined
]

/** Payloads of one name, in the format of Remote. */
export interface EncodedPayloads {
  readonly count: number
  readonly bytes: Uint8Array
}

/** The properties of items that few requests need. Arrays are by item. */
export interface Extras {
  readonly attempts: ReadonlyArray<number> | undefined
  readonly timeouts: ReadonlyArray<number | undefined> | undefined
  /** An item is not idempotent: each outcome is sent before the next item starts. */
  readonly once: boolean
  readonly spans: ReadonlyArray<WireSpan | undefined> | undefined
}

/** A message from a thread. */
export type FromThread =
  /** The first message, sent alone: the thread listens. */
  | readonly [tag: "hello", protocol: number]
  | readonly [tag: "ready"]
  /** The handlers module cannot be used. */
  | readonly [tag: "unusable", failure: WireFailure]
  | Done
  /** It has free slots and nothing to claim, because unclaimed items were revoked. */
  | readonly [tag: "vacant"]
  /**
   * An error was thrown outside of every handler, by the asynchronous work of this item, or of no running item (-1).
   * The thread starts nothing more, and is to be replaced when its items have ended.
   */
  | readonly [tag: "fault", requestId: number, at: number, failure: WireFailure]
  /** The same, but the item may be running or may have ended: the thread is to be terminated. */
  | readonly [tag: "ambiguousFault", failure: WireFailure]
  /** The answer to `sync`: the requests of which outcomes follow. */
  | readonly [tag: "synced", syncId: number, requestIds: ReadonlyArray<number>]
  /** A message from the main thread could not be read. */
  | readonly [tag: "unreadable", error: string]
  /** The logs, spans and printed texts of handlers, and the number of older records that were dropped. */
  | readonly [tag: "telemetry", records: ReadonlyArray<TelemetryRecord>, dropped: number]
  | readonly [tag: "metrics", updates: ReadonlyArray<SeriesUpdate>]

/** Outcomes of items of one request. */
export type Done = readonly [
  tag: "done",
  requestId: number,
  results: ReadonlyArray<Results> | EncodedResults,
  failures: ReadonlyArray<readonly [at: number, failure: WireFailure]>,
  /** The time that the thread spent on these items, in microseconds. */
  micros: number,
  /** No outcome of the request follows: its slot is free. */
  last: boolean
]

/** Results of one shape. */
export interface Results {
  /** The indices of the items, or the first index if they follow each other. */
  readonly at: number | ReadonlyArray<number>
  readonly values: EncodedColumns
}

/** Results of items that follow each other, of a request with encoded payloads, in the format of Remote. */
export interface EncodedResults {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
}
