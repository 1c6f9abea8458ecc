/** A page with a pool of Web Workers. */
import * as Effect from "effect/Effect"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

declare const Worker: new(url: URL, options: { readonly type: "module" }) => WorkerPoolDispatcher.WorkerLike

Effect.runPromise(Effect.provide(
  program,
  WorkerPoolDispatcher.layer(Tasks, {
    thread: () => new Worker(new URL("./thread.ts", import.meta.url), { type: "module" }),
    size: 2
  })
)).then(
  () => console.log("OK"),
  (error) => console.log(`FAILED ${error.stack}`)
)
