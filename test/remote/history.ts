/** What handlers in worker processes, and the test, write down. */
import type { Line } from "../pool/journal.ts"

/** `thread` is the id of the process. */
export interface RemoteLine extends Line {
  readonly what: "start" | "end" | "interrupted"
  readonly attempt: number
}
