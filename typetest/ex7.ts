import * as Task from "papyros/Task"
import type { Root } from "./fixtures/tasks.ts"
export const a: Task.Success<Root> = "a"
