/** A page with a pool of Web Workers. */
import * as Effect from "effect/Effect"
import { program } from "./program.ts"
import { pool } from "./web.ts"

Effect.runPromise(program(pool)).catch((error) => console.log(`FAILED ${error.stack}`))
