/** The task of this example, shared by the page and its threads. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Computes the SHA-256 of a file, its number of lines (newlines, like `wc -l`) and its size in bytes. */
export class Checksum extends Task.Class<Checksum>()("Checksum", {
  payload: { name: Schema.String, content: Schema.Uint8Array },
  success: Schema.Struct({ sha256: Schema.String, lines: Schema.Int, bytes: Schema.Int }),
  // The page does not need the content any more.
  transfer: "payload"
}) {}

export const Tasks = TaskGroup.make(Checksum)
