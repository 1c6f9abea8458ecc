/** The handlers of this example, for Web Workers. */
import * as Effect from "effect/Effect"
import { Tasks } from "./tasks.ts"

const NEWLINE = 10

const countLines = (bytes: Uint8Array): number => {
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

export default Tasks.toLayer({
  Checksum: ({ content }) =>
    Effect.map(Effect.promise(() => crypto.subtle.digest("SHA-256", content.slice())), (digest) => ({
      sha256: Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""),
      lines: countLines(content),
      bytes: content.length
    }))
})
