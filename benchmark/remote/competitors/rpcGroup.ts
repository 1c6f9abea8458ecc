/** n + 1 as procedures of effect/rpc: one number per call, and an array per call. */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"

export class Rpcs extends RpcGroup.make(
  Rpc.make("inc", { payload: { n: Schema.Int }, success: Schema.Int }),
  Rpc.make("incAll", { payload: { ns: Schema.Array(Schema.Int) }, success: Schema.Array(Schema.Int) })
) {}

/** The fastest serialization of effect/rpc. */
export const serialization = RpcSerialization.layerSchemaBinary()
