/** A page without threads, which uses the barrel. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Dispatcher, DummyDispatcher, FiberDispatcher } from "papyros"
import handlers from "./handlers.ts"
import { Root, Tasks } from "./tasks.ts"

const roots = Stream.runCollect(
  Dispatcher.execute(Array.from({ length: 500 }, (_, n) => new Root({ n })), { ordered: true })
)

const check = Effect.map(roots, (roots) => {
  const right = roots.every(({ bytes, root }, n) => root === Math.sqrt(n) && bytes.length === n)
  console.log(`${roots.length} roots, ${right ? "right" : "wrong"}`)
})

const layers = [FiberDispatcher.layer(Tasks), DummyDispatcher.layer(Tasks)]

Effect.runPromise(
  Effect.forEach(layers, (layer) => Effect.provide(check, Layer.provide(layer, handlers)), { discard: true })
).then(
  () => console.log("OK"),
  (error) => console.log(`FAILED ${error.stack}`)
)
