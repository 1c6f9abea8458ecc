/**
 * The executor of this process, of which `DummyDispatcher` and `FiberDispatcher` are made, and which runs nested
 * tasks in worker threads: one worker, whose tasks are fibers. Its tasks end with the scope of the dispatcher.
 */
import { platform } from "#platform"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as EffectScheduler from "effect/Scheduler"
import type * as Executor from "../../Executor.ts"
import type * as TaskGroup from "../../TaskGroup.ts"
import { structuredCopy } from "../handlers/copy.ts"
import { Handlers } from "../handlers/handlers.ts"
import { type AsyncContext, LocalHandle } from "./localHandle.ts"

/** The tasks of a chunk. Those that the time slice of the event loop leaves over go back, so chunks are small. */
const MAX_CHUNK = 64

/** The name of its worker. */
const NAME = "local"

/** An executor whose one worker runs `concurrency` tasks at once, with the handlers in the context of `open`. */
export const make = <H>(
  group: TaskGroup.Any,
  options: {
    readonly name: string
    readonly concurrency: number
    readonly boundary: "codec" | "none"
    /**
     * Starts tasks in the async context of the caller, or of a task that just ended, instead of that of `open`. A
     * thread finds by its async context which task an error outside of every handler belongs to.
     */
    readonly inheritsAsyncContext?: boolean | undefined
  }
): Executor.Executor<never, H> => ({
  name: options.name,
  boundary: options.boundary,
  copiesPayloads: true,
  maxChunk: Math.min(options.concurrency, MAX_CHUNK),
  open: (scheduler, dispatcher) =>
    Effect.contextWith((context: Context.Context<H>) => {
      const handlers = new Handlers(
        group,
        context as Context.Context<never>,
        dispatcher,
        options.boundary,
        structuredCopy,
        scheduler.spanAttributes(NAME)
      )
      const turns = Context.get(context, EffectScheduler.Scheduler).makeDispatcher()
      const later = (f: () => void) => turns.scheduleTask(f, 0)
      const inAsyncContext = options.inheritsAsyncContext === true ? call : platform.asyncContext()
      scheduler.join(new LocalHandle(NAME, options.concurrency, scheduler, handlers, later, inAsyncContext))
      return Effect.void
    })
})

const call: AsyncContext = (f, chunk) => f(chunk)
