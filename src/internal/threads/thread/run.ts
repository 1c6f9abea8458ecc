/**
 * Runs a worker thread: builds the Layer of the handlers once, and runs requests until the thread is told to end. The
 * modules that import it are the entries of threads. It imports no barrel, because a thread becomes ready only after
 * all its modules are loaded.
 */
// Must come before any schema is used.
import "effect/schema/SchemaJITCompiler/enable"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { type MessagePort, parentPort, receiveMessageOnPort } from "node:worker_threads"
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
import { MetricsRecorder } from "./metrics.ts"
import * as ThreadOutput from "./output.ts"
import { ThreadRunner } from "./runner.ts"
import * as ThreadTracer from "./spans.ts"
import { TelemetryBuffer } from "./telemetryBuffer.ts"
import { withoutUnclonable, withoutValues } from "./unclonable.ts"

/** The concurrency of the tasks that handlers start: they run in this thread. */
const NESTED_CONCURRENCY = 16

/** Runs this thread. The Layer of the handlers is loaded only once the output of the thread is captured. */
export const runThread = (data: ThreadData, load: Effect.Effect<Layer.Layer<never, unknown>, unknown>): void => {
  const port: MessagePort = parentPort!
  const sharedState = new SharedState(data.shared)
  sharedState.markRunning()
  // Logs and output are sent at once: the handler may never yield again.
  const telemetry = new TelemetryBuffer(sharedState, ([tag]) => tag === "span" ? outbox.sendSoon() : outbox.send())
  const metrics = new MetricsRecorder(() => outbox.sendSoon())
  const outbox = new ThreadOutbox<FromThread>(
    (messages, transferred) => port.postMessage(messages, transferred),
    [withoutUnclonable, withoutValues],
    (add) => {
      metrics.collect(add)
      telemetry.collect(add)
    }
  )
  ThreadOutput.capture(telemetry)

  const prepare = Effect.gen(function*() {
    const context = yield* Layer.build(yield* load)
    const missing = data.names.filter((name) => !context.mapUnsafe.has(TaskGroup.handlerKey(name)))
    if (missing.length > 0) {
      return yield* Effect.fail(new TypeError(`its Layer has no handler for ${missing.join(", ")}`))
    }
    const group = TaskGroup.fromHandlers(context)
    const nested = Local.make<never>(group, {
      name: "thread",
      concurrency: NESTED_CONCURRENCY,
      boundary: "none",
      inheritsAsyncContext: true
    })
    const dispatcher = yield* Effect.provideContext(Executor.makeDispatcher(group, nested, {}), context)
    const handlers = new Handlers(group, context, dispatcher, "codec", noCopy)
    return new ThreadRunner(handlers, sharedState, outbox, poll, data.concurrency)
  }).pipe(
    Effect.provide([
      ThreadLogger.layer(telemetry),
      Layer.succeed(References.MinimumLogLevel)(data.minimumLogLevel),
      metrics.layer,
      ...(data.traced ? [ThreadTracer.layer(telemetry)] : [])
    ])
  )

  const scope = Scope.makeUnsafe()

  let receive: ((message: ToThread) => void) | undefined

  const receiveAll = (messages: ReadonlyArray<ToThread>): void => {
    for (const message of messages) receive!(message)
  }

  /** Receives a message that waits, without a turn of the event loop; returns whether there was one. */
  const poll = (): boolean => {
    let received: ReturnType<typeof receiveMessageOnPort>
    try {
      received = receiveMessageOnPort(port)
    } catch (error) {
      unreadable(error)
      return true
    }
    if (received === undefined) return false
    receiveAll(received.message)
    return true
  }

  const unreadable = (error: unknown): void => {
    outbox.add(["unreadable", String(error)])
    outbox.send()
  }

  /** Runs the finalizers of the handlers' Layer, then exits. */
  const end = (): void => {
    Effect.runFork(Scope.close(scope, Exit.void)).addObserver(() => {
      // The telemetry of the finalizers.
      outbox.send()
      process.exit(0)
    })
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
        else if (message[0] === "moreTelemetry") outbox.send()
        else runner.receive(message)
      }
      port.on("message", receiveAll)
      port.on("messageerror", unreadable)
      sharedState.markLoaded()
      outbox.add(["ready"])
    }
    outbox.send()
  })
}
