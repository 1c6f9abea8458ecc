import * as Effect from "effect/Effect"
import { Negative, Tasks } from "./tasks.ts"

interface Globals {
  readonly process?: { readonly exit: (code: number) => void }
  readonly close?: () => void
}

const { close, process } = globalThis as unknown as Globals

export default Tasks.toLayer({
  Root: ({ n }) =>
    n < 0 ? Effect.fail(new Negative({ n })) : Effect.succeed({ root: Math.sqrt(n), bytes: new Uint8Array(n) }),
  Misbehave: Effect.fnUntraced(function*({ how }) {
    switch (how) {
      case "logs":
        console.log("printed in the thread")
        yield* Effect.logInfo("logged in the thread")
        return "logged"
      case "throws late":
        setTimeout(() => {
          throw new Error("thrown late")
        }, 1)
        break
      case "rejects late":
        setTimeout(() => void Promise.reject(new Error("rejected late")), 1)
        break
      case "loops": {
        // A bundler drops a loop that has no effect.
        const turns = new Uint32Array(1)
        for (;;) Atomics.add(turns, 0, 1)
      }
      case "exits":
        if (process === undefined) close!()
        else process.exit(7)
    }
    yield* Effect.sleep("10 seconds")
    return "slept"
  })
})
