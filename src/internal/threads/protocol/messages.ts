/** What the main thread and a worker thread say to each other, and the memory that they share. */
import type { WireFailure } from "../../../Executor.ts"
import type { EncodedColumns } from "../../encoding/columns.ts"
import type { WireSpan } from "../../encoding/span.ts"
import type { SeriesUpdate, TelemetryRecord } from "./telemetry.ts"

/** What a thread is started with. */
export interface ThreadData {
  /** URL of the handlers module. */
  readonly handlers: string
  /** Tasks that it must serve. */
  readonly names: ReadonlyArray<string>
  readonly concurrency: number
  /** Somebody wants to see the spans that end here. */
  readonly traced: boolean
  readonly shared: SharedArrayBuffer
}

/** From the main thread. */
export type ToThread =
  | readonly [
    tag: "run",
    chunk: number,
    slot: number,
    names: ReadonlyArray<string>,
    /** Of each item the index of its name; absent where there is one. */
    kinds: ReadonlyArray<number> | undefined,
    /** The payloads of each name. */
    payloads: ReadonlyArray<EncodedColumns>,
    extras: Extras | undefined
  ]
  | readonly [tag: "cancel", chunk: number, at: number]
  /** There is room for telemetry that was withheld. */
  | readonly [tag: "more"]
  | readonly [tag: "end"]

/** What few chunks need. Arrays are by item. */
export interface Extras {
  readonly attempts: ReadonlyArray<number> | undefined
  readonly timeouts: ReadonlyArray<number | undefined> | undefined
  /** Outcomes are sent one by one, before the next item starts. */
  readonly once: boolean
  readonly spans: ReadonlyArray<WireSpan | undefined> | undefined
}

/** From a thread. */
export type FromThread =
  | readonly [tag: "ready"]
  | readonly [tag: "unusable", failure: WireFailure]
  | Done
  /** An error outside of every handler, of a running item or of none: the thread wants to be replaced. */
  | readonly [tag: "fault", chunk: number, item: number, failure: WireFailure]
  /** An error outside of every handler, of a running item or of one that has ended: the thread is to be ended. */
  | readonly [tag: "doubt"]
  /** What handlers logged, traced and printed, and how much of it was dropped before. */
  | readonly [tag: "telemetry", entries: ReadonlyArray<TelemetryRecord>, dropped: number]
  | readonly [tag: "metrics", updates: ReadonlyArray<SeriesUpdate>]

/** Outcomes of items. */
export type Done = readonly [
  tag: "done",
  chunk: number,
  results: ReadonlyArray<Results>,
  failures: ReadonlyArray<readonly [at: number, failure: WireFailure]>,
  micros: number,
  /** Nothing more will come of this chunk: its slot is free. */
  last: boolean
]

export interface Results {
  /** Which items, or the first of those that follow each other. */
  readonly at: number | ReadonlyArray<number>
  readonly packed: EncodedColumns
}
