/**
 * What a client and a worker process say to each other. A client gives orders and
 * hears of nothing but through `Outcomes`, of which there is one as long as the
 * connection is open: when it ends, the client's tasks are interrupted.
 */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"

/** Raised by every change that the other side would not understand. */
export const PROTOCOL = 1

/** The payload of the first request on any connection: it must never change. */
export const HandshakeRequest = { protocol: Schema.Int, version: Schema.String }

/** Who answers, and for what. */
export const HandshakeResponse = Schema.Struct({
  protocol: Schema.Int,
  version: Schema.String,
  /** What its runtime writes values in. */
  format: Schema.Int,
  worker: Schema.String,
  /** Tasks that it runs at once. */
  slots: Schema.Int,
  /** The largest payload that it takes, and the largest result that it sends. */
  maxTaskBytes: Schema.Int,
  tasks: Schema.Array(Schema.Tuple([Schema.String, Schema.String]))
})

const WireSpan = Schema.Struct({ traceId: Schema.String, spanId: Schema.String, sampled: Schema.Boolean })

/** A chunk of tasks, or a part of one whose payloads are too large to go together. */
export const RunCommand = Schema.Struct({
  chunk: Schema.Int,
  /** The place of its first task in the chunk. */
  first: Schema.Int,
  names: Schema.Array(Schema.String),
  /** Of each task the index of its name, 16 bits each. */
  kinds: Schema.Uint8Array,
  /** The payloads of each name, packed. */
  payloads: Schema.Uint8Array,
  attempts: Schema.optional(Schema.Array(Schema.Int)),
  /** Milliseconds; -1: none. */
  timeouts: Schema.optional(Schema.Array(Schema.Number)),
  spans: Schema.optional(Schema.Array(Schema.NullOr(WireSpan))),
  /** As always those that may start only once: none starts before it was claimed, and that was confirmed. */
  confirms: Schema.Boolean
})

const Place = Schema.Struct({ chunk: Schema.Int, at: Schema.Int })

/** What a client wants; runs first. */
export const Commands = Schema.Struct({
  runs: Schema.Array(RunCommand),
  confirmed: Schema.Array(Place),
  cancels: Schema.Array(Place),
  /** All that has not started is to be given back. */
  recall: Schema.Boolean
})

export const Done = Schema.Struct({
  chunk: Schema.Int,
  /** The places of those that succeeded, 16 bits each. */
  ats: Schema.Uint8Array,
  /** Their results, of each name, packed. */
  values: Schema.Uint8Array,
  failures: Schema.Array(Schema.Struct({
    at: Schema.Int,
    attempt: Schema.Int,
    worker: Schema.String,
    /** A `WireFailure`. */
    failure: Schema.Uint8Array
  })),
  /** How long they are believed to have taken, all together. */
  micros: Schema.Number
})

/** Whatever finished since the last one. */
export const Events = Schema.Struct({
  done: Schema.Array(Done),
  /** Did not start. */
  returned: Schema.Array(Place),
  /** Would start now. */
  claims: Schema.Array(Place),
  /** Chunks that the client may have under way from now on; 0: the worker is about to leave. */
  credit: Schema.optional(Schema.Int)
})

/** A worker as `papyros status` sees it. */
export const WorkerStatus = Schema.Struct({
  worker: Schema.String,
  slots: Schema.Int,
  clients: Schema.Int,
  running: Schema.Int,
  waiting: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int
})

/** Calls of a worker process. */
export class WorkerRpcs extends RpcGroup.make(
  Rpc.make("Hello", { payload: HandshakeRequest, success: HandshakeResponse }),
  Rpc.make("Outcomes", {
    /** The largest result that the client takes. */
    payload: { maxTaskBytes: Schema.Int },
    success: Events,
    stream: true
  }),
  Rpc.make("Send", { payload: Commands }),
  Rpc.make("Status", { success: WorkerStatus })
) {}
