/**
 * Captures the text that code in a thread writes to stdout and stderr, and sends it the way of the logs: in order
 * with them, and bounded. Node's own way from a thread to the process is neither.
 */
import { StringDecoder } from "node:string_decoder"
import type { TelemetryBuffer } from "./telemetryBuffer.ts"

/** Replaces the `write` of the output streams of this thread. */
export const capture = (telemetry: TelemetryBuffer): void => {
  for (const to of ["stdout", "stderr"] as const) {
    const decoder = new StringDecoder("utf8")
    const write = (chunk: string | Uint8Array, ...rest: ReadonlyArray<unknown>): boolean => {
      const [encoding, done] = typeof rest[0] === "string" ? [rest[0], rest[1]] : ["utf8", rest[0]]
      const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding as BufferEncoding) : chunk
      telemetry.add(["print", { to, text: decoder.write(bytes) }])
      if (typeof done === "function") queueMicrotask(() => done())
      return true
    }
    process[to].write = write
  }
}
