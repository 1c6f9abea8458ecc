/**
 * What a worker thread starts with: loads the handlers module, builds its Layer
 * once, and runs chunks until it is told to end.
 *
 * Imports no barrel: a thread is ready only after all of it has been loaded.
 */
// Before any schema is used.
import "effect/schema/SchemaJITCompiler/enable"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import * as Executor from "../../../Executor.ts"
import * as TaskGroup from "../../../TaskGroup.ts"
import { noCopy } from "../../handlers/copy.ts"
import { Handlers } from "../../handlers/handlers.ts"
import { wireDefect } from "../../handlers/outcome.ts"
import * as Local from "../../local/executor.ts"
import type { FromThread, ThreadData, ToThread } from "../protocol/messages.ts"
import { ThreadOutbox } from "../protocol/outbox.ts"
import { SharedState } from "../protocol/sharedState.ts"
import * as ThreadLogger from "./logs.ts"
import { Recording } from "./metrics.ts"
import * as ThreadOutput from "./output.ts"
import { ThreadRunner, withoutUnclonable } from "./runner.ts"
import * as ThreadTracer from "./spans.ts"
import { Telemetry } from "./telemetry.ts"

const port: MessagePort = parentPort!
const data: ThreadData = workerData
const claims = new SharedState(data.shared)
// What a handler says must be heard even if it never yields again.
const telemetry = new Telemetry(claims, ([tag]) => tag === "span" ? outbox.sendSoon() : outbox.send())
const metrics = new Recording(() => outbox.sendSoon())
const outbox = new ThreadOutbox<FromThread>(
  (messages, moved) => port.postMessage(messages, moved),
  withoutUnclonable,
  (add) => {
    metrics.collect(add)
    telemetry.collect(add)
  }
)
ThreadOutput.capture(telemetry)

/** Tasks that handlers start in the thread run this many at once. */
const NESTED = 16

const prepare = Effect.gen(function*() {
  const module: { readonly default?: unknown } = yield* Effect.tryPromise({
    try: () => import(data.handlers),
    catch: (error) => error
  })
  if (!Layer.isLayer(module.default)) {
    return yield* Effect.fail(new TypeError("its default export is not a Layer: export default group.toLayer({ … })"))
  }
  const context = yield* Layer.build(module.default as unknown as Layer.Layer<never, unknown>)
  const missing = data.names.filter((name) => !context.mapUnsafe.has(TaskGroup.handlerKey(name)))
  if (missing.length > 0) {
    return yield* Effect.fail(new TypeError(`its Layer has no handler for ${missing.join(", ")}`))
  }
  const group = TaskGroup.fromHandlers(context)
  const nested = Local.make<never>(group, { name: "thread", concurrency: NESTED, boundary: "none" })
  const dispatcher = yield* Effect.provideContext(Executor.makeDispatcher(group, nested, {}), context)
  const handlers = new Handlers(group, context, dispatcher, "codec", noCopy)
  return new ThreadRunner(handlers, claims, outbox, poll, data.concurrency)
}).pipe(
  Effect.provide([
    ThreadLogger.layer(telemetry),
    metrics.layer,
    ...(data.traced ? [ThreadTracer.layer(telemetry)] : [])
  ])
)

const scope = Scope.makeUnsafe()

let receive: ((message: ToThread) => void) | undefined

const receiveAll = (messages: ReadonlyArray<ToThread>): void => {
  for (const message of messages) receive!(message)
}

const poll = (): boolean => {
  const received = receiveMessageOnPort(port)
  if (received === undefined) return false
  receiveAll(received.message)
  return true
}

const end = (): void => {
  Effect.runFork(Scope.close(scope, Exit.void)).addObserver(() => process.exit(0))
}

Effect.runFork(Scope.provide(prepare, scope)).addObserver((exit) => {
  if (exit._tag === "Failure") {
    outbox.add(["unusable", wireDefect(Cause.squash(exit.cause))])
  } else {
    const runner = exit.value
    process.on("uncaughtException", (error) => runner.fault(error))
    process.on("unhandledRejection", (error) => runner.fault(error))
    process.on("exit", () => runner.exiting())
    receive = (message) => {
      if (message[0] === "end") end()
      else if (message[0] === "more") outbox.send()
      else runner.receive(message)
    }
    port.on("message", receiveAll)
    outbox.add(["ready"])
  }
  outbox.send()
})
