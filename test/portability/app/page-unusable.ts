/** A page whose Web Workers cannot run tasks: the module is not there, throws, or does not call `Thread.run`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { Tasks } from "./tasks.ts"

declare const Worker: new(url: string, options: { readonly type: "module" }) => WorkerPoolDispatcher.WorkerLike

const modules = {
  "is not there": "/nowhere.js",
  throws: URL.createObjectURL(new Blob(["throw new Error('no license')"], { type: "text/javascript" })),
  "is silent": URL.createObjectURL(new Blob([""], { type: "text/javascript" }))
}

const errors = Object.entries(modules).map(([how, url]) => {
  const pool = WorkerPoolDispatcher.layer(Tasks, { thread: () => new Worker(url, { type: "module" }), size: 1 })
  return Effect.map(
    Effect.flip(Effect.scoped(Layer.build(pool))),
    (error) => console.log(`${how}: ${error._tag}: ${error.message}`)
  )
})

Effect.runPromise(Effect.all(errors, { concurrency: "unbounded" })).then(
  () => console.log("OK"),
  (error) => console.log(`FAILED ${error.stack}`)
)
