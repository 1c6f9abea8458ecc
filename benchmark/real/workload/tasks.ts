/** The functions as typed tasks, one group for each module of handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

export class Render extends Task.Class<Render>()("Render", {
  payload: { markdown: Schema.String },
  success: Schema.String
}) {}

export class Transpile extends Task.Class<Transpile>()("Transpile", {
  payload: { file: Schema.String },
  success: Schema.Struct({ js: Schema.String, errors: Schema.Int })
}) {}

const csv = {
  payload: { csv: Schema.String },
  success: Schema.Array(
    Schema.Struct({ id: Schema.Int, name: Schema.String, price: Schema.Number, inStock: Schema.Boolean })
  )
}

export class ParseCsv extends Task.Class<ParseCsv>()("ParseCsv", csv) {}
export class SplitCsv extends Task.Class<SplitCsv>()("SplitCsv", csv) {}

const bytes = { payload: { bytes: Schema.Uint8Array } }

export class Hash extends Task.Class<Hash>()("Hash", { ...bytes, success: Schema.String }) {}
export class Compress extends Task.Class<Compress>()("Compress", { ...bytes, success: Schema.Uint8Array }) {}

export class Resize extends Task.Class<Resize>()("Resize", {
  payload: { image: Schema.Uint8Array, width: Schema.Int },
  success: Schema.Uint8Array
}) {}

const row = { quantity: Schema.Number, name: Schema.String, inStock: Schema.Boolean, price: Schema.Number }

export class Sum extends Task.Class<Sum>()("Sum", {
  payload: { id: Schema.Int, kind: Schema.String, rows: Schema.Array(Schema.Struct(row)) },
  success: Schema.Number
}) {}

export class Row extends Schema.Class<Row>("Row")(row) {}

/** `Sum`, with rows that are instances of a class. */
export class SumRows extends Task.Class<SumRows>()("SumRows", {
  payload: { id: Schema.Int, kind: Schema.String, rows: Schema.Array(Row) },
  success: Schema.Number
}) {}

export class AddTotalsToText extends Task.Class<AddTotalsToText>()("AddTotalsToText", {
  payload: { json: Schema.String },
  success: Schema.String
}) {}

export class AddTotals extends Task.Class<AddTotals>()("AddTotals", {
  payload: { value: Schema.Json },
  success: Schema.Json
}) {}

export const groups = {
  markdown: TaskGroup.make(Render),
  typescript: TaskGroup.make(Transpile),
  csv: TaskGroup.make(ParseCsv, SplitCsv),
  bytes: TaskGroup.make(Hash, Compress),
  images: TaskGroup.make(Resize),
  tables: TaskGroup.make(Sum, SumRows),
  json: TaskGroup.make(AddTotalsToText, AddTotals)
}
