import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Thread from "papyros/Thread"

Thread.run(Layer.effectDiscard(Effect.fail(new Error("no connection"))))
