import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

export class CorruptImage extends Schema.TaggedError<CorruptImage>()("CorruptImage", { file: Schema.String }) {
  override get message() {
    return `${this.file}: unexpected end of data`
  }
}

/** Makes an image smaller. Some images are corrupt. */
export class Resize extends Task.Class<Resize>()("Resize", {
  payload: { file: Schema.String, millis: Schema.Finite, corrupt: Schema.Boolean },
  success: Schema.Int,
  error: CorruptImage
}) {}

/** Hashes a file: a short task. */
export class Hash extends Task.Class<Hash>()("Hash", {
  payload: { file: Schema.String, rounds: Schema.Int },
  success: Schema.String
}) {}

/** Looks at the header of a file: a trivial task. */
export class Probe extends Task.Class<Probe>()("Probe", { payload: { n: Schema.Int }, success: Schema.Boolean }) {}

/** Ends its thread, as a fault of a native library does. */
export class Crash extends Task.Class<Crash>()("Crash") {}

/** Runs for a long time. */
export class Archive extends Task.Class<Archive>()("Archive", { payload: { millis: Schema.Finite } }) {}

export const Tasks = TaskGroup.make(Resize, Hash, Probe, Crash, Archive)
