import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import handlers from "./handlers.ts"

/** The handlers, with a resource that takes half a second to release. */
export default Layer.merge(handlers, Layer.effectDiscard(Effect.addFinalizer(() => Effect.sleep(500))))
