import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import handlers from "./handlers.ts"

const release = Effect.logDebug("releases").pipe(
  Effect.andThen(Effect.sleep(50)),
  Effect.andThen(Metric.update(Metric.counter("pool_released"), 1)),
  Effect.andThen(Effect.log("has released")),
  Effect.withSpan("release")
)

/** The handlers, with a resource whose finalizer logs, is traced and is counted. */
export default Layer.merge(handlers, Layer.effectDiscard(Effect.addFinalizer(() => release)))
