import * as Effect from "effect/Effect"
import { laws } from "./laws.ts"

await Effect.runPromise(laws(new URL("./laws-thread.ts", import.meta.url)))
console.log("OK")
