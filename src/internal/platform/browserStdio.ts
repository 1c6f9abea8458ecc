/** A browser has no standard streams and no terminal: nothing is read, and output is dropped. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

export const layer = Layer.succeed(
  Stdio.Stdio,
  Stdio.make({
    args: Effect.succeed([]),
    stdout: () => Sink.drain,
    stderr: () => Sink.drain,
    stdin: Stream.empty
  })
)

export const terminalSize = (): { readonly columns?: number; readonly rows?: number } => ({})
