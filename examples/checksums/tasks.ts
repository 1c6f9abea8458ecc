/** The task of this example, shared by the program and its handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** The file could not be read. */
export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", {
  path: Schema.String,
  why: Schema.String
}) {
  override get message(): string {
    return this.why
  }
}

/** Reads a file and computes its SHA-256, its number of lines (newlines, like `wc -l`) and its size in bytes. */
export class Checksum extends Task.Class<Checksum>()("Checksum", {
  payload: { path: Schema.String },
  success: Schema.Struct({ sha256: Schema.String, lines: Schema.Int, bytes: Schema.Int }),
  error: Unreadable
}) {}

export const Tasks = TaskGroup.make(Checksum)
