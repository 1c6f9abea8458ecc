import { Effect } from "effect"
import { Root } from "./fixtures/tasks.ts"
export const a = Effect.gen(function*() { return yield* new Root({n:1}) })
