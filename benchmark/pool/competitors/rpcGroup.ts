/** The functions of the pool suite as procedures of effect/rpc. */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Transferable from "effect/workers/Transferable"

const Row = Schema.Struct({ a: Schema.Number, name: Schema.String, ok: Schema.Boolean, f: Schema.Number })

export class Rpcs extends RpcGroup.make(
  Rpc.make("inc", { payload: { n: Schema.Int }, success: Schema.Int }),
  Rpc.make("spin", { payload: { seed: Schema.Int, iterations: Schema.Int }, success: Schema.Int }),
  Rpc.make("sum", {
    payload: { id: Schema.Int, kind: Schema.String, rows: Schema.Array(Row) },
    success: Schema.Number
  }),
  Rpc.make("echo", { payload: { bytes: Schema.Uint8Array }, success: Schema.Uint8Array }),
  Rpc.make("echoMoved", { payload: { bytes: Transferable.Uint8Array }, success: Transferable.Uint8Array })
) {}
