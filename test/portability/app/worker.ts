import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RemoteWorker from "papyros/RemoteWorker"
import { Tasks } from "./tasks.ts"

const worker = Layer.unwrap(Effect.gen(function*() {
  const nameServer = yield* Config.String("PAPYROS_REMOTE_NAME_SERVER")
  const secret = Option.getOrUndefined(yield* Config.option(Config.Redacted("PAPYROS_SECRET")))
  return RemoteWorker.layer(Tasks, { thread: new URL("./thread.ts", import.meta.url), size: 2, nameServer, secret })
}))

NodeRuntime.runMain(Layer.launch(worker))
