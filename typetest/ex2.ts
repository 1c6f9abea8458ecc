import * as Dispatcher from "papyros/Dispatcher"
import { Root } from "./fixtures/tasks.ts"
export const show1 = Dispatcher.run(new Root({n:1}))
