/**
 * The outcome of an item as it will be sent. Outcomes wait for others to be sent with, and the handler may change its
 * result in the meantime, so the parts that it still holds are copied when the item ends. Large buffers are copied
 * only here, and then transferred; those that the task gives up are taken away from the handler now.
 */
import { toCodecError } from "../../encoding/codec.ts"
import { copyBytes, type Snapshot } from "../../encoding/snapshot.ts"
import type { Handler } from "../../handlers/handler.ts"
import { type HandlerOutcome, undecodable } from "../../handlers/outcome.ts"
import { copyToTransfer, moveBytes } from "../protocol/transfer.ts"

/** Adds the buffers of the outcome that are to be transferred to `transferred`. */
export const snapshotOutcome = (
  outcome: HandlerOutcome,
  handler: Handler,
  transferred: Array<ArrayBuffer>
): HandlerOutcome => {
  switch (outcome._tag) {
    case "Success": {
      const { movesResult, resultSnapshot } = handler
      if (resultSnapshot === undefined) return outcome
      const copy = movesResult ? moveBytes(transferred) : copyToTransfer(transferred)
      return attempt(resultSnapshot, outcome.value, copy, "success", (value) => ({ _tag: "Success", value }))
    }
    case "Failed": {
      const { errorSnapshot } = handler
      if (errorSnapshot === undefined) return outcome
      return attempt(errorSnapshot, outcome.error, copyBytes, "error", (error) => ({ ...outcome, error }))
    }
    default:
      return outcome
  }
}

/** A value that cannot be copied fails its own item, and no other. */
const attempt = (
  snapshot: Snapshot,
  value: unknown,
  copy: (bytes: Uint8Array) => Uint8Array,
  part: "success" | "error",
  outcome: (copied: unknown) => HandlerOutcome
): HandlerOutcome => {
  try {
    return outcome(snapshot(value, copy))
  } catch (error) {
    return undecodable(part, toCodecError(error))
  }
}
