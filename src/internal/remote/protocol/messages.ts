/**
 * The messages between clients, workers and the name server. docs/internals/remote-protocol.md describes them step by
 * step.
 *
 * Must stay true: every connection begins with `Handshake`, whose name and payload never change, and whose answer only
 * gets optional fields, so that any two versions can refuse each other. A session lasts as long as the stream of
 * `Events`; if no other stream follows it in time, the worker interrupts the client's tasks. Numbers of sessions are
 * not of `Schema.Int`, which SchemaBinary reads in quadratic time.
 */
import { Runner } from "effect/cluster/Runner"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"

// ----------------------------------------------------------------------------
// The handshake
// ----------------------------------------------------------------------------

/** Increased by every change that the other side would not understand. */
export const PROTOCOL = 3

export const HandshakeRequest = Schema.Struct({ protocol: Schema.Int, version: Schema.String })

/** The offer of a worker. A client of any protocol must be able to read it: fields may be added as optional ones only. */
export const HandshakeResponse = Schema.Struct({
  protocol: Schema.Int,
  version: Schema.String,
  /** Its name: the address by which clients reach it. */
  worker: Schema.String,
  /** Tasks that it runs at once. */
  slots: Schema.Int,
  /** The largest payload that it takes, and the largest result that it sends, in bytes. */
  maxTaskBytes: Schema.Int,
  /** The name and the fingerprint of each of its tasks. */
  fingerprints: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
  /** Always 0. Clients of protocol 1 expect the field. */
  valueFormat: Schema.Int,
  /** Chosen anew by each start of the process. Workers of protocol 1 have none. */
  incarnation: Schema.optionalKey(Schema.String)
})

// ----------------------------------------------------------------------------
// Client and worker
// ----------------------------------------------------------------------------

const WireSpan = Schema.Struct({ traceId: Schema.String, spanId: Schema.String, sampled: Schema.Boolean })

/** A chunk of tasks, or a part of one whose payloads are too large for one message. */
export const RunCommand = Schema.Struct({
  chunk: Schema.Number,
  /** The position of its first task in the chunk. */
  first: Schema.Number,
  /** The task names of the chunk, each once. */
  names: Schema.Array(Schema.String),
  /** Of each task the index of its name, 16 bits each. */
  nameIndexes: Schema.Uint8Array,
  /** For each name the payloads of its tasks, see payloads.ts. */
  payloads: Schema.Array(Schema.Uint8Array),
  attempts: Schema.optional(Schema.Array(Schema.Number)),
  /** Milliseconds; -1: none. */
  timeouts: Schema.optional(Schema.Array(Schema.Number)),
  spans: Schema.optional(Schema.Array(Schema.NullOr(WireSpan))),
  /** No task of the chunk starts before its claim is confirmed. Tasks that are not idempotent always need that. */
  confirmStart: Schema.Boolean
})

/** One task of a chunk. */
const ItemPosition = Schema.Struct({ chunk: Schema.Number, at: Schema.Number })

/** How long a session goes on without a connection, in milliseconds. */
export const SESSION_TIMEOUT = 8000

/** The numbers of a message of a session, see outbox.ts. */
const numbers = { seq: Schema.Number, ack: Schema.Number }

/** The requests of a client: a message of its session. The worker handles the runs first. */
export const Commands = Schema.Struct({
  ...numbers,
  runs: Schema.Array(RunCommand),
  /** Claimed tasks that may start. */
  confirmed: Schema.Array(ItemPosition),
  cancels: Schema.Array(ItemPosition),
  /** The worker returns every task that has not started. */
  steal: Schema.Boolean
})

/** The failure of a task. Its error is encoded as results are, and a defect is JSON, which `undefined` is not. */
export const WireFailure = Schema.Union([
  Schema.TaggedStruct("Failed", { error: Schema.Uint8Array, trace: Schema.String }),
  Schema.TaggedStruct("Defect", { defect: Schema.optionalKey(Schema.String), trace: Schema.String }),
  Schema.TaggedStruct("TimedOut", { millis: Schema.Number }),
  Schema.TaggedStruct("Interrupted", { trace: Schema.String }),
  Schema.TaggedStruct("UnknownTask", {}),
  Schema.TaggedStruct("Undecodable", {
    part: Schema.Literals(["payload", "success", "error", "defect"]),
    message: Schema.String
  }),
  Schema.TaggedStruct("WorkerLost", {
    exitCode: Schema.optionalKey(Schema.Number),
    signal: Schema.optionalKey(Schema.String),
    outOfMemory: Schema.Boolean
  }),
  Schema.TaggedStruct("NoWorker", { millis: Schema.Number, cause: Schema.optionalKey(Schema.String) })
])

/** Outcomes of tasks of one chunk. */
export const ChunkOutcomes = Schema.Struct({
  chunk: Schema.Number,
  /** The positions of the tasks that succeeded, 16 bits each. */
  succeeded: Schema.Uint8Array,
  /** For each name of the chunk the results of its tasks, see payloads.ts. */
  values: Schema.Array(Schema.Uint8Array),
  failures: Schema.Array(Schema.Struct({
    at: Schema.Number,
    attempt: Schema.Number,
    worker: Schema.String,
    failure: WireFailure
  })),
  /** The estimated time that the tasks took together, in microseconds. */
  micros: Schema.Number
})

/** The events at a worker since its last message: a message of a session. */
export const Events = Schema.Struct({
  ...numbers,
  outcomes: Schema.Array(ChunkOutcomes),
  /** Tasks that did not start, and will not start here. */
  returned: Schema.Array(ItemPosition),
  /** Tasks that start as soon as they are confirmed. */
  claims: Schema.Array(ItemPosition),
  /** Chunks that the client may have in flight from now on; 0: the worker drains. */
  credit: Schema.optional(Schema.Number)
})

/** The state of a worker, for `papyros status`. */
export const WorkerStatus = Schema.Struct({
  worker: Schema.String,
  slots: Schema.Int,
  clients: Schema.Int,
  running: Schema.Int,
  waiting: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  /**
   * Milliseconds in which slots ran tasks, and those of all slots, since a query came for which there was no query in the
   * seconds before. Absent in workers of older versions, as is the next field.
   */
  busy: Schema.optionalKey(Schema.Struct({ running: Schema.Finite, slots: Schema.Finite })),
  /** The time below which 95 % of the tasks ran since the worker has started, in milliseconds. */
  p95: Schema.optionalKey(Schema.Finite)
})

/** The worker does not have the session that is to go on. */
export class UnknownSession
  extends Schema.TaggedError<UnknownSession>("papyros/UnknownSession")("UnknownSession", {})
{}

/** The worker does not answer this caller: it is no operator, or the worker has as many watchers as it takes. */
export class Refused extends Schema.TaggedError<Refused>("papyros/Refused")("Refused", {}) {}

/** Opens a session, or goes on with it. */
export const OpenSession = Schema.Struct({
  /** Chosen by the client, and known to nobody else. */
  session: Schema.String,
  /** The session was opened over an earlier connection. */
  resume: Schema.Boolean,
  /** The number of the last events that the client has received. */
  received: Schema.Number,
  /** The largest result that the client takes, in bytes. */
  maxTaskBytes: Schema.Int
})

export class WorkerRpcs extends RpcGroup.make(
  Rpc.make("Handshake", { payload: HandshakeRequest, success: HandshakeResponse }),
  /** Opens the session of a client, or goes on with it. Its events follow at once, until the stream ends. */
  Rpc.make("Events", { payload: OpenSession, success: Schema.Never, error: UnknownSession, stream: true }),
  /** Ends a session, and interrupts its tasks. */
  Rpc.make("EndSession", { payload: { session: Schema.String } }),
  Rpc.make("Status", { success: WorkerStatus }),
  /** The recording of a worker, for an operator: JSON texts of `Followed`, twice a second. */
  Rpc.make("Watch", { success: Schema.String, error: Refused, stream: true }),
  /** The details of a failure of that recording as JSON, or `null` if they are not kept. */
  Rpc.make("Failure", { payload: { id: Schema.Number }, success: Schema.String, error: Refused })
) {}

// ----------------------------------------------------------------------------
// The name server
// ----------------------------------------------------------------------------

/** The largest message of a name server, in bytes. */
export const MAX_NAME_SERVER_FRAME = 4 * 1024 * 1024

/** The client of a name server speaks another version. */
export class OtherVersion extends Schema.TaggedError<OtherVersion>("papyros/OtherVersion")("OtherVersion", {
  protocol: Schema.Int,
  version: Schema.String
}) {}

/** The identity of the caller does not allow the call, or there was no handshake. */
export class Forbidden extends Schema.TaggedError<Forbidden>("papyros/Forbidden")("Forbidden", {}) {}

const GroupMembers = Schema.Struct({ group: Schema.String, members: Schema.Array(Runner) })

/** Without TLS the name server believes the group that a call names. */
export class NameServerRpcs extends RpcGroup.make(
  Rpc.make("Handshake", { payload: HandshakeRequest, error: OtherVersion }),
  /** Registers a worker. The stream has one element, once the worker is registered; its end ends the registration. */
  Rpc.make("Register", {
    /** The incarnation is another one for each process, also for one that was started again. */
    payload: { group: Schema.String, runner: Runner, incarnation: Schema.String },
    success: Schema.Void,
    error: Forbidden,
    stream: true
  }),
  /** The workers of a group, now and after each change. */
  Rpc.make("Watch", {
    payload: { group: Schema.String },
    success: Schema.Array(Runner),
    error: Forbidden,
    stream: true
  }),
  /** All groups that have a worker. */
  Rpc.make("Groups", { success: Schema.Array(GroupMembers), error: Forbidden })
) {}
