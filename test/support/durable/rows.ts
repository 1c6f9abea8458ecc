import type * as Durable from "papyros/Durable"

/** The row of a task `Double` that has succeeded. */
export const succeeded = (key: string): Durable.Row => ({
  key,
  name: "Double",
  state: "succeeded",
  payload: null,
  outcome: "1",
  reason: null
})
