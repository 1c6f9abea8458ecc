import { Stream } from "effect"
import { Root } from "./fixtures/tasks.ts"
export const a = Stream.make(new Root({n:1}))
