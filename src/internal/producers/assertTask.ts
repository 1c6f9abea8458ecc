/** What plain JavaScript, or a cast, hands to a verb in place of a task: a defect that names the verb and the value. */
import { describe } from "../describe.ts"
import * as Task from "../task.ts"

/** The error of a verb that was given something else. */
export const notATask = (verb: string, u: unknown): TypeError =>
  new TypeError(`${verb} was given something that is not a task: ${describe(u)}`)

/** Throws unless the value is a task. */
export const assertTask = (verb: string, u: unknown): void => {
  if (!Task.isTask(u)) throw notATask(verb, u)
}
