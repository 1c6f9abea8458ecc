/** About how many bytes the messages of a session take, by which both sides decide when to acknowledge them. */
import type { Commands, Events } from "./messages.ts"

export const bytesOfCommands = ({ runs }: typeof Commands.Type): number => {
  let bytes = 0
  for (const { payloads } of runs) for (const { length } of payloads) bytes += length
  return bytes
}

export const bytesOfEvents = ({ outcomes }: typeof Events.Type): number => {
  let bytes = 0
  for (const { failures, values } of outcomes) {
    for (const { length } of values) bytes += length
    for (const { failure } of failures) if (failure._tag === "Failed") bytes += failure.error.length
  }
  return bytes
}
