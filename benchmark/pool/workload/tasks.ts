/** The functions as typed tasks. `handlers.ts` has their handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

const one = { payload: { n: Schema.Int }, success: Schema.Int }

export class Inc extends Task.Class<Inc>()("Inc", one) {}
export class IncB extends Task.Class<IncB>()("IncB", one) {}
export class IncC extends Task.Class<IncC>()("IncC", one) {}
export class IncD extends Task.Class<IncD>()("IncD", one) {}

const spin = { payload: { seed: Schema.Int, iterations: Schema.Int }, success: Schema.Int }

export class Spin extends Task.Class<Spin>()("Spin", spin) {}
export class SpinB extends Task.Class<SpinB>()("SpinB", spin) {}
export class SpinC extends Task.Class<SpinC>()("SpinC", spin) {}
export class SpinD extends Task.Class<SpinD>()("SpinD", spin) {}

const row = Schema.Struct({ a: Schema.Number, name: Schema.String, ok: Schema.Boolean, f: Schema.Number })

export class Sum extends Task.Class<Sum>()("Sum", {
  payload: { id: Schema.Int, kind: Schema.String, rows: Schema.Array(row) },
  success: Schema.Number
}) {}

const bytes = { payload: { bytes: Schema.Uint8Array }, success: Schema.Uint8Array }

export class Echo extends Task.Class<Echo>()("Echo", bytes) {}

export class Move extends Task.Class<Move>()("Move", { ...bytes, transfer: "both" }) {}

export const group = TaskGroup.make(Inc, IncB, IncC, IncD, Spin, SpinB, SpinC, SpinD, Sum, Echo, Move)
