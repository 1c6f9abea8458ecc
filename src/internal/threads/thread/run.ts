/**
 * Runs a worker thread: builds the Layer of the handlers once, and runs requests until the thread is told to end. The
 * modules that import it are the entries of threads. It imports no barrel, because a thread becomes ready only after
 * all its modules are loaded.
 */
// Must come before any schema is used.
import "effect/schema/SchemaJITCompiler/enable"
import { platform, thread } from "#platform"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as EffectScheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Executor from "../../../Executor.ts"
import * as TaskGroup from "../../../TaskGroup.ts"
import type { TaskCodecs } from "../../encoding/wire/taskCodecs.ts"
import { noCopy } from "../../handlers/copy.ts"
import { Handlers } from "../../handlers/handlers.ts"
import { wireDefect } from "../../handlers/outcome.ts"
import * as Local from "../../local/executor.ts"
import type { ProgramConnection, ThreadStart } from "../../platform/platform.ts"
import type * as Task from "../../task.ts"
import { type FromThread, PROTOCOL, type ThreadData, type ToThread } from "../protocol/messages.ts"
import { ReceivedItems } from "../protocol/messageState.ts"
import { ThreadOutbox } from "../protocol/outbox.ts"
import { SharedState } from "../protocol/sharedState.ts"
import { EncodedTasks } from "./encodedTasks.ts"
import * as ThreadLogger from "./logs.ts"
import { MetricsRecorder } from "./metrics.ts"
import * as ThreadOutput from "./output.ts"
import { ThreadRunner } from "./runner.ts"
import * as ThreadTracer from "./spans.ts"
import { TelemetryBuffer } from "./telemetryBuffer.ts"
import { withoutUnclonable, withoutValues } from "./unclonable.ts"

/** The concurrency of the tasks that handlers start: they run in this thread. */
const NESTED_CONCURRENCY = 16

/** Loads the Layer of the handlers. */
type Load = (data: ThreadData) => Effect.Effect<Layer.Layer<never, unknown>, unknown>

/** Loads the codecs of tasks that come encoded from other processes. */
type LoadCodecs = Effect.Effect<(task: Task.AnyClass) => TaskCodecs, unknown>

/** Receives the messages of the program after `init`. */
interface Receiver {
  readonly receiveAll: (messages: ReadonlyArray<ToThread>) => void
  readonly unreadable: (error: unknown) => void
}

/** Connects this thread to the program, and runs it with the data that the program sends. */
export const runThread = (load: Load, loadCodecs?: LoadCodecs): void => {
  setPhase("running")
  let connection: ProgramConnection<ToThread>
  let receiver: Receiver | undefined
  thread.connect<ToThread>(
    {
      message: (messages) => {
        if (receiver !== undefined) receiver.receiveAll(messages)
        else if (messages[0][0] === "init") receiver = runConnected(connection, messages[0][1], load, loadCodecs)
      },
      unreadable: (error) => receiver?.unreadable(error)
    },
    (opened) => {
      connection = opened
      connection.post([["hello", PROTOCOL]], [])
    }
  )
}

const setPhase = (phase: ThreadStart["phase"]): void => platform.setThreadStart({ ...platform.threadStart()!, phase })

/** The scheduler of Effect in a runtime without `setImmediate`, where its own would wait for timers. */
const schedulerBySoon = (): EffectScheduler.Scheduler =>
  new EffectScheduler.MixedScheduler("async", (f) => {
    let cancelled = false
    thread.soon(() => {
      if (!cancelled) f()
    })
    return () => {
      cancelled = true
    }
  })

/** Builds the Layer of the handlers, once the output of the thread is captured, and runs requests. */
const runConnected = (
  connection: ProgramConnection<ToThread>,
  data: ThreadData,
  load: Load,
  loadCodecs: LoadCodecs | undefined
): Receiver => {
  const sharedState = data.shared === undefined ? new ReceivedItems() : new SharedState(data.shared)
  // Logs and output are sent at once: the handler may never yield again.
  const telemetry = new TelemetryBuffer(sharedState, ([tag]) => tag === "span" ? outbox.sendSoon() : outbox.send())
  const metrics = new MetricsRecorder(() => outbox.sendSoon())
  const outbox = new ThreadOutbox<FromThread>(
    connection.post,
    [withoutUnclonable, withoutValues],
    (add) => {
      metrics.collect(add)
      telemetry.collect(add)
    }
  )
  ThreadOutput.capture(telemetry)

  const prepare = Effect.gen(function*() {
    const context = yield* Layer.build(yield* load(data))
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
    const dispatcher = yield* Effect.provideContext(
      Executor.makeDispatcher(group, nested, {
        name: data.spanAttributes["papyros.dispatcher"],
        workerName: () => data.spanAttributes["papyros.worker"]
      }),
      context
    )
    const handlers = new Handlers(group, context, dispatcher, "codec", noCopy, data.spanAttributes)
    const encoded = data.relays && loadCodecs !== undefined ? new EncodedTasks(group, yield* loadCodecs) : undefined
    return new ThreadRunner(handlers, sharedState, outbox, poll, data.concurrency, encoded)
  }).pipe(
    Effect.provide([
      ThreadLogger.layer(telemetry),
      Layer.succeed(References.MinimumLogLevel)(data.minimumLogLevel),
      metrics.layer,
      ...(thread.hasImmediate ? [] : [Layer.succeed(EffectScheduler.Scheduler)(schedulerBySoon())]),
      ...(data.traced ? [ThreadTracer.layer(telemetry)] : [])
    ])
  )

  const scope = Scope.makeUnsafe()

  /** Messages that come before the thread is ready. */
  const early: Array<ToThread> = []
  let receive = (message: ToThread): void => {
    early.push(message)
  }

  const receiveAll = (messages: ReadonlyArray<ToThread>): void => {
    for (const message of messages) receive(message)
  }

  /** Receives a message that waits, without a turn of the event loop; returns whether there was one. */
  const poll = (): boolean => {
    try {
      const messages = connection.poll()
      if (messages === undefined) return false
      receiveAll(messages)
    } catch (error) {
      unreadable(error)
    }
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
      thread.exit()
    })
  }

  // A thread in which nothing happens any more before it is ready ends, and the program learns of it.
  connection.keepAlive(false)
  Effect.runFork(Scope.provide(prepare, scope)).addObserver((exit) => {
    if (exit._tag === "Failure") {
      outbox.add(["unusable", wireDefect(Cause.squash(exit.cause))])
    } else {
      const runner = exit.value
      thread.onFault((error) => runner.fault(error))
      thread.onExit(() => runner.exiting())
      receive = (message) => {
        if (message[0] === "end") end()
        else if (message[0] !== "moreTelemetry") runner.receive(message)
        else {
          sharedState.acknowledgeTelemetry()
          outbox.send()
        }
      }
      connection.keepAlive(true)
      setPhase("loaded")
      outbox.add(["ready"])
      receiveAll(early.splice(0))
    }
    outbox.send()
  })

  return { receiveAll, unreadable }
}
