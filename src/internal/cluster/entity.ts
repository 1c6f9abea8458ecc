/**
 * The calls between a client and a runner, as an entity of Effect Cluster. The ids of the entity are addresses: by an id,
 * a client reaches the runner that has the shard of the id. docs/internals/cluster.md describes the calls.
 *
 * Must stay true: the engine may deliver a call twice, late, or to another runner. So each call names the runner that it
 * is for, by its incarnation, and no other runner acts on it; and each call may be repeated. The payload of `Hello` never
 * changes, and its answer only gets optional fields, so that any two versions can refuse each other.
 */
import { ClientTracingEnabled, InterruptOnTermination, ShardGroup } from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { HandshakeRequest, HandshakeResponse } from "../remote/protocol/messages.ts"

/** How long a runner without events keeps the answer to a `Poll`, in milliseconds. */
export const PARK = 2000

/** How long a client may hear nothing of a runner, and a runner of a client, in milliseconds. */
export const SILENCE = 8000

const ofSession = { incarnation: Schema.String, session: Schema.String }

/** The runner that answers, and whether it is the right one and has the session. */
const Answer = { incarnation: Schema.String, known: Schema.Boolean }

export const HelloAnswer = Schema.Struct({
  handshake: HandshakeResponse,
  /** The incarnation of the handshake, which is optional there. */
  incarnation: Schema.String,
  /** The runner accepts no more sessions. */
  leaving: Schema.Boolean
})

export const SendAnswer = Schema.Struct({
  ...Answer,
  /** The previous message has not arrived yet. This one was not handled, and must be sent again. */
  early: Schema.optionalKey(Schema.Boolean)
})

/** The events are a message of sessionMessages.ts. */
export const PollAnswer = Schema.Struct({ ...Answer, events: Schema.optionalKey(Schema.Uint8Array) })

const Hello = Rpc.make("Hello", { payload: HandshakeRequest, success: HelloAnswer })

/** A message of the client, as in sessionMessages.ts. The next one follows the answer. */
const Send = Rpc.make("Send", { payload: { ...ofSession, commands: Schema.Uint8Array }, success: SendAnswer })

/**
 * Asks for the next events, and confirms those of the previous `Poll`. The first one opens the session. A `Poll` with
 * the same number gets the same answer. It is interrupted when its shard moves, and repeated by another id.
 */
const Poll = Rpc.make("Poll", {
  payload: {
    ...ofSession,
    /** Counts the polls of a session from 1. */
    seq: Schema.Number,
    /** The largest result that the client takes, in bytes. */
    maxTaskBytes: Schema.Number,
    /** A message of the client that would otherwise be a `Send` of its own. */
    commands: Schema.optionalKey(Schema.Uint8Array)
  },
  success: PollAnswer
}).annotate(InterruptOnTermination, true)

/** Ends a session, and interrupts its tasks. */
const Bye = Rpc.make("Bye", { payload: ofSession, success: SendAnswer })

const make = (workerGroup: string, shardGroup: string | undefined) => {
  const entity = Entity.make(`papyros/${workerGroup}`, [Hello, Send, Poll, Bye])
    // A span for each call would cost more than the call.
    .annotate(ClientTracingEnabled, false)
  return shardGroup === undefined ? entity : entity.annotate(ShardGroup, () => shardGroup)
}

export type WorkerEntity = ReturnType<typeof make>

/** A `Sharding` keeps a client for each entity object that it gets, until its end. So there is one object for a group. */
const entities = new Map<string, WorkerEntity>()

export const entityOf = (workerGroup: string, shardGroup: string | undefined): WorkerEntity => {
  const key = JSON.stringify([workerGroup, shardGroup])
  const entity = entities.get(key) ?? make(workerGroup, shardGroup)
  entities.set(key, entity)
  return entity
}
