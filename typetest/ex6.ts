import * as TaskGroup from "papyros/TaskGroup"
import { Root } from "./fixtures/tasks.ts"
export const a = TaskGroup.make(Root)
