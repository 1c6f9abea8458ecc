/**
 * Checksums of files in a web page, in Web Workers:
 *
 *     npm run example:browser
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { serve } from "./server.ts"

const main = Effect.gen(function*() {
  const url = yield* serve(0, true)
  yield* Console.log(`Open ${url} and choose files. Ctrl-C ends the server.`)
  return yield* Effect.never
})

main.pipe(Effect.scoped, NodeRuntime.runMain)
