/** The defect of a value that is not a task, from plain JavaScript or a cast. It names the verb and the value. */
import { describe } from "../describe.ts"
import * as Task from "../task.ts"

/** The error of a verb that was given something else. */
export const notATask = (verb: string, u: unknown): TypeError =>
  new TypeError(`${verb} was given something that is not a task: ${describe(u)}`)

/** Throws unless the value is a task. */
export const assertTask = (verb: string, u: unknown): void => {
  if (!Task.isTask(u)) throw notATask(verb, u)
}
