import { Root } from "./fixtures/tasks.ts"
export const a = new Root({n:1})
