/** n + 1 as procedures of effect/rpc: one number per call, and an array per call; and calls that return their payload. */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"

export class Rpcs extends RpcGroup.make(
  Rpc.make("inc", { payload: { n: Schema.Int }, success: Schema.Int }),
  Rpc.make("incAll", { payload: { ns: Schema.Array(Schema.Int) }, success: Schema.Array(Schema.Int) }),
  Rpc.make("echoBytes", { payload: { bytes: Schema.Uint8Array }, success: Schema.Uint8Array }),
  Rpc.make("echoText", { payload: { text: Schema.String }, success: Schema.String })
) {}

/** The fastest serialization of effect/rpc. */
export const serialization = RpcSerialization.layerSchemaBinary()
