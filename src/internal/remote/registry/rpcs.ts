/**
 * What the name server is asked. Without TLS it believes what it is told of the role
 * and the group of who asks.
 */
import { Runner } from "effect/cluster/Runner"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import { HandshakeRequest } from "../protocol/messages.ts"

/** No list of workers is larger, in bytes. */
export const MAX_FRAME = 4 * 1024 * 1024

/** The two do not speak the same version. */
export class OtherVersion extends Schema.TaggedError<OtherVersion>("papyros/OtherVersion")("OtherVersion", {
  protocol: Schema.Int,
  version: Schema.String
}) {}

/** Who asks may not know, or do, that. */
export class Forbidden extends Schema.TaggedError<Forbidden>("papyros/Forbidden")("Forbidden", {}) {}

const GroupMembers = Schema.Struct({ group: Schema.String, members: Schema.Array(Runner) })

export class NameServerRpcs extends RpcGroup.make(
  /** The first call of every connection. */
  Rpc.make("Hello", { payload: HandshakeRequest, error: OtherVersion }),
  /** Registers a worker; once it is, there is an element. Its registration ends with this stream. */
  Rpc.make("Attach", {
    payload: { group: Schema.String, runner: Runner },
    success: Schema.Void,
    error: Forbidden,
    stream: true
  }),
  Rpc.make("Members", { payload: { group: Schema.String }, success: Schema.Array(Runner), error: Forbidden }),
  /** All that are not empty. */
  Rpc.make("Groups", { success: Schema.Array(GroupMembers), error: Forbidden })
) {}
