/** The task of this example, shared by the program and its handlers. */
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

/** Only positive numbers have prime factors. */
export class NotPositive extends Schema.TaggedError<NotPositive>()("NotPositive", { n: Schema.Int }) {
  override get message(): string {
    return `${this.n} is not positive`
  }
}

/** The prime factors of a number, in ascending order, with the number itself. */
export class Factorize extends Task.Class<Factorize>()("Factorize", {
  payload: { n: Schema.Int },
  success: Schema.Struct({ n: Schema.Int, factors: Schema.Array(Schema.Int) }),
  error: NotPositive
}) {}

export const Tasks = TaskGroup.make(Factorize)
