/**
 * The worker process of `RemoteDispatcher`, as a Layer: runs the tasks of its group's
 * clients in worker threads. The command `papyros workers` is this Layer.
 *
 * The promise that surprises: when its scope ends it takes nothing more, gives back
 * what has not started, and waits for what runs, so that a worker can be replaced
 * without a task failing.
 */
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { groupOption, nameServerOption, secretOption } from "./internal/remote/options.ts"
import * as Registry from "./internal/remote/registry/registry.ts"
import type { RemoteError } from "./internal/remote/transport/error.ts"
import { serveWorker } from "./internal/remote/worker/server.ts"
import type { HandlersError } from "./internal/threads/main/pool.ts"
import type { WorkerPoolOptions } from "./layers/WorkerPoolDispatcher.ts"
import type * as Task from "./Task.ts"
import type * as TaskGroup from "./TaskGroup.ts"

/**
 * What a worker takes, beside the options of its threads.
 *
 * @category models
 */
export interface WorkerOptions extends Omit<WorkerPoolOptions, "capacity" | "maxAttempts"> {
  /** Whose clients it serves: letters, digits, `.`, `_` and `-`, at most 64. Default `"default"`. */
  readonly workerGroup?: string | undefined
  /**
   * What client, worker and name server share: at least 128 bits, as `papyros secret`
   * makes them. Without it everything must be on this host, and every user of this host is trusted.
   */
  readonly secret?: Redacted.Redacted<string> | undefined
  /** Where it listens. Default `"127.0.0.1"`. */
  readonly host?: string | undefined
  /** Default: any free one. */
  readonly port?: number | undefined
  /** The host by which clients reach it, where that is not `host`. */
  readonly advertise?: string | undefined
  /** How long what runs may take once the worker is to leave. Default 30 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
  /** The largest payload that it takes and result that it sends, in bytes. Default 8 MiB. */
  readonly maxTaskBytes?: number | undefined
}

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
  options: WorkerOptions & {
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
  options: WorkerOptions
): Layer.Layer<never, HandlersError | RemoteError, RunnerStorage> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const secret = yield* secretOption(options.secret)
    yield* serveWorker(group, yield* Registry.fromRunnerStorage, options, secret)
  }))
