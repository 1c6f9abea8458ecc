/**
 * The worker that is fuzzed, a process of its own: the server of worker processes, with an executor in place of its
 * threads that decodes payloads as threads do. It prints its port, and then each second its memory and the number of
 * guarded tasks that have run.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Executor from "papyros/Executor"
import * as Codec from "../../src/internal/encoding/codec.ts"
import { Registry } from "../../src/internal/remote/registry/registry.ts"
import { serve } from "../../src/internal/remote/worker/server.ts"
import type { PoolExecutor } from "../../src/internal/threads/main/executor.ts"
import { checkPool } from "../../src/internal/threads/main/options.ts"
import { Tasks } from "./tasks.ts"

let guarded = 0

const codecs = new Map(Array.from(Tasks.tasks, ([name, task]) => [name, Codec.make(task)]))

const runItem = (scheduler: Executor.Scheduler, chunk: Executor.Chunk, at: number): void => {
  const { name, payload } = chunk.items[at]
  const codec = codecs.get(name)
  if (codec === undefined) return scheduler.fail(chunk, at, { _tag: "UnknownTask" })
  const decoded = codec.payload.decode(payload)
  if (decoded instanceof Codec.CodecError) {
    return scheduler.fail(chunk, at, { _tag: "Undecodable", part: "payload", message: decoded.message })
  }
  if (name === "Guarded") guarded++
  scheduler.succeed(chunk, at, codec.success.encode(name === "Echo" ? { ...decoded as object } : undefined))
}

const threads: PoolExecutor = {
  name: "decoder",
  maxChunk: 64,
  boundary: "codec",
  copiesPayloads: true,
  open: (scheduler) =>
    Effect.sync(() => {
      const pull = (): void => {
        for (let chunk = scheduler.take(handle, 64); chunk !== undefined; chunk = scheduler.take(handle, 64)) {
          for (let at = 0; at < chunk.items.length; at++) runItem(scheduler, chunk, at)
        }
      }
      const handle: Executor.WorkerHandle = {
        name: "decoder",
        concurrency: 4,
        window: 256,
        // Not in the turn of the wake: as a thread, it reports later.
        wake: () => void setImmediate(pull),
        cancel: () => {}
      }
      scheduler.join(handle)
    })
}

const registry = Registry.of({
  register: () => Effect.sync(() => process.stdout.write("registered\n")),
  members: Stream.never
})

const report = Effect.sync(() => {
  globalThis.gc?.()
  const { rss } = process.memoryUsage()
  process.stdout.write(`${JSON.stringify({ rss, guarded })}\n`)
})

await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  yield* serve(registry, {
    pool: checkPool(Tasks, { handlers: new URL(import.meta.url), size: 1, concurrency: 4 }),
    secret: undefined,
    workerGroup: "default",
    host: "127.0.0.1",
    port: Number(process.env.PAPYROS_FUZZ_PORT ?? 0),
    advertise: { host: "127.0.0.1", port: undefined },
    drainTimeout: 0,
    maxTaskBytes: 1024 * 1024
  }, threads)
  yield* Effect.forever(Effect.andThen(report, Effect.sleep(1000)))
})))
