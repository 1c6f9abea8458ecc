/** The command `papyros` as child processes. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"

/** The process ended before it was ready. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  command: Schema.String,
  log: Schema.String
}) {
  override get message(): string {
    return `papyros ${this.command} has ended:\n${this.log}`
  }
}

// Where the package is installed this is `npx papyros`.
const papyros = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))

/**
 * Starts a module, `papyros` unless another one is given, and waits for the output that shows that the process is ready.
 * The end of the scope ends the process, even if it is frozen.
 */
export const start = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>,
  ready: RegExp,
  env: Record<string, string> = {},
  module = papyros
) {
  const child = yield* ChildProcess.make(process.execPath, ["--conditions=papyros-source", module, ...args], {
    env,
    extendEnv: true,
    stdin: "ignore",
    killSignal: "SIGKILL"
  })
  const said = yield* Deferred.make<string, NotReady>()
  let log = ""
  yield* child.all.pipe(
    Stream.decodeText,
    Stream.runForEach((text) => {
      const match = ready.exec(log += text)
      return match === null ? Effect.void : Deferred.succeed(said, match[1] ?? match[0])
    }),
    Effect.ignore,
    Effect.andThen(Effect.suspend(() => Deferred.fail(said, new NotReady({ command: args.join(" "), log })))),
    Effect.forkScoped
  )
  return {
    said: yield* Deferred.await(said),
    signal: (signal: NodeJS.Signals) => Effect.sync(() => process.kill(child.pid, signal))
  }
})
