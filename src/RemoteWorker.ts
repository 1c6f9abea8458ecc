/**
 * The worker process of `RemoteDispatcher`, as a Layer: runs the tasks of its group's
 * clients in worker threads. The command `papyros workers` is this Layer.
 *
 * The promise that surprises: when its scope ends it takes nothing more, gives back
 * what has not started, and waits for what runs, so that a worker can be replaced
 * without a task failing.
 */
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { groupOption, nameServerOption, secretOption } from "./internal/remote/options.ts"
import * as Registry from "./internal/remote/registry/registry.ts"
import type { RemoteError } from "./internal/remote/transport/error.ts"
import type { RemoteWorkerOptions } from "./internal/remote/worker/options.ts"
import { serveWorker } from "./internal/remote/worker/server.ts"
import type { HandlersError } from "./internal/threads/main/options.ts"
import type * as Task from "./Task.ts"
import type * as TaskGroup from "./TaskGroup.ts"

export type { RemoteWorkerOptions as WorkerOptions } from "./internal/remote/worker/options.ts"

/**
 * A worker that is known to a name server. Waits for it, however late it starts.
 *
 * **Details**
 *
 * Fails with `HandlersError` if the handlers module cannot be used, and with
 * `RemoteError` if it cannot listen.
 *
 * @category layers
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: RemoteWorkerOptions & {
    /** `host:port` of the name server. Default `"127.0.0.1:7427"`. */
    readonly nameServer?: string | undefined
  }
): Layer.Layer<never, HandlersError | RemoteError> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const secret = yield* secretOption(options.secret)
    const registry = yield* Registry.nameServer({
      ...nameServerOption(options.nameServer),
      secret,
      group: groupOption(options.workerGroup),
      role: "worker"
    })
    yield* serveWorker(group, registry, options, secret)
  }))

/**
 * A worker that is known to a `RunnerStorage` of Effect Cluster, such as its `SqlRunnerStorage`.
 *
 * @category layers
 */
export const layerStorage = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: RemoteWorkerOptions
): Layer.Layer<never, HandlersError | RemoteError, RunnerStorage> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const secret = yield* secretOption(options.secret)
    yield* serveWorker(group, yield* Registry.fromRunnerStorage, options, secret)
  }))
