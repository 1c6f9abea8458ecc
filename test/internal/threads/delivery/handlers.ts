import * as Effect from "effect/Effect"
import { parentPort } from "node:worker_threads"
import { fragile } from "./fragile.ts"
import { Tasks } from "./tasks.ts"

/** The next message with outcomes is not sent. */
const loseNext = (): void => {
  const port = parentPort!
  const post = port.postMessage.bind(port)
  port.postMessage = (messages: ReadonlyArray<readonly [tag: string]>) => {
    if (!messages.some(([tag]) => tag === "done")) return post(messages)
    port.postMessage = post
  }
}

export default Tasks.toLayer({
  Plain: ({ n }) => Effect.succeed(n),
  Lose: () => Effect.as(Effect.sync(loseNext), 1),
  Fragile: ({ reads }) => Effect.sync(() => fragile(reads)),
  Take: ({ rows }) => Effect.succeed(rows.length)
})
