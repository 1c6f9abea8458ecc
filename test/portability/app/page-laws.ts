import * as Effect from "effect/Effect"
import { laws } from "./laws.ts"

Effect.runPromise(laws(new URL("./laws-thread.js", import.meta.url))).then(
  () => console.log("OK"),
  (error) => console.log(`FAILED ${error.stack}`)
)
