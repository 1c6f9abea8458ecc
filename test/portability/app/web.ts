import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Tasks } from "./tasks.ts"

declare const Worker: new(url: URL, options: { readonly type: "module" }) => WorkerPoolDispatcher.WorkerLike

export const pool = WorkerPoolDispatcher.layer(Tasks, {
  thread: () => new Worker(new URL("./thread.ts", import.meta.url), { type: "module" })
})
