import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { CorruptImage, Tasks } from "./tasks.ts"

/** Keeps the thread busy, as real work does. */
const compute = (millis: number): number => {
  const end = performance.now() + millis
  let steps = 0
  while (performance.now() < end) steps++
  return steps
}

export default Tasks.toLayer({
  Resize: ({ corrupt, file, millis }) =>
    Effect.suspend(() => {
      const steps = compute(millis)
      return corrupt ? Effect.fail(new CorruptImage({ file })) : Effect.succeed(steps % 1000)
    }),
  Hash: ({ file, rounds }) =>
    Effect.sync(() => {
      let digest = file
      for (let i = 0; i < rounds; i++) digest = createHash("sha256").update(digest).digest("hex")
      return digest
    }),
  Probe: ({ n }) => Effect.succeed(n % 2 === 0),
  Crash: () => Effect.sync(() => process.exit(134)),
  Archive: ({ millis }) => Effect.sync(() => void compute(millis))
})
