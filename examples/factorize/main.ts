/**
 * The example of the ancestor's manual, in both of its forms.
 *
 *     npm run example:factorize
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import handlers from "./handlers.ts"
import { Factorize, Tasks } from "./tasks.ts"

const dispatcher = FiberDispatcher.layer(Tasks).pipe(Layer.provide(handlers))

// `execute` is for tasks without expected failures: the first failure ends the stream.
const simple = Stream.range(1, 999).pipe(
  Stream.map((n) => new Factorize({ n })),
  Dispatcher.execute({ ordered: true }),
  Stream.runForEach(({ factors, n }) => Console.log(`${n}: ${factors.join(" ")}`)),
  Effect.catchReason("TaskFailure", "Failed", ({ error }) => Console.error(error.message))
)

// `results` is for failures that are handled one by one: each task has its result, and the stream continues.
const pastFailures = Stream.make(12, 0, 997, -4, 1001).pipe(
  Stream.map((n) => new Factorize({ n })),
  Dispatcher.results({ ordered: true }),
  Stream.runForEach(({ result, task }) =>
    Console.log(Result.match(result, {
      onSuccess: ({ factors }) => `${task.n} = ${factors.join(" x ")}`,
      onFailure: ({ message, reason, task }) =>
        reason._tag === "Failed" ? `${task.n}: ${reason.error.message}` : message
    }))
  )
)

Effect.andThen(simple, pastFailures).pipe(
  Effect.provide(dispatcher),
  NodeRuntime.runMain
)
