/**
 * The entry of a worker thread for a handlers module: loads the module, and runs the thread with its Layer. It is
 * started by its URL; no module imports it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ThreadData } from "../protocol/messages.ts"
import { runThread } from "./run.ts"

const load = ({ handlers }: ThreadData) =>
  Effect.gen(function*() {
    const module: { readonly default?: unknown } = yield* Effect.tryPromise({
      try: () => import(handlers!),
      catch: (error) => error
    })
    if (Layer.isLayer(module.default)) return module.default as unknown as Layer.Layer<never, unknown>
    return yield* Effect.fail(new TypeError("its default export is not a Layer: export default group.toLayer({ … })"))
  })

/** Only threads of a worker process need it: it takes a tenth of the start of a thread. */
const loadCodecs = Effect.map(
  Effect.promise(() => import("../../encoding/wire/taskCodecs.ts")),
  ({ make }) => make
)

runThread(load, loadCodecs)
