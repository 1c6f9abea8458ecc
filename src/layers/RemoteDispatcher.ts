/**
 * The dispatcher of worker processes, on this host or on others. Use it when one machine is not enough, or when a
 * handler may crash its process.
 *
 * A task whose worker is lost starts again on another worker, so it may run twice, unless it is `idempotent: false`.
 *
 * @since 0.1.0
 */
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import { boundConfig, countConfig, millisOption, optionOr } from "../internal/options.ts"
import * as Secret from "../internal/remote/auth/secret.ts"
import { memberOf } from "../internal/remote/client/connection.ts"
import * as RemoteExecutor from "../internal/remote/client/executor.ts"
import { groupOption, maxTaskBytesOption, nameServerOption, secretOption } from "../internal/remote/options.ts"
import { TaskCatalog } from "../internal/remote/protocol/catalog.ts"
import * as Registry from "../internal/remote/registry/registry.ts"
import type { RemoteError } from "../internal/remote/transport/error.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

export {
  /**
   * The workers or the name server could not be reached: `Unreachable`, `Unauthorized` or `VersionMismatch`; or this
   * runtime cannot use a secret: `Unsupported`.
   *
   * @stability unstable
   * @category errors
   * @since 0.1.0
   */
  RemoteError
} from "../internal/remote/transport/error.ts"

/**
 * The options of `layer`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface RemoteDispatcherOptions {
  /** The worker group that runs the tasks: 1 to 64 letters, digits, `.`, `_` or `-`. Default `"default"`. */
  readonly workerGroup?: string | undefined
  /**
   * The secret that clients, workers and the name server share: at least 128 bits as hex, base64 or base64url. The
   * command `papyros secret` makes one. It may be several secrets, separated by white space: each is accepted, and the
   * first is used to connect. So the secret of a running deployment can be changed. Default: none. Then clients,
   * workers and the name server must be on one host, and every user of that host is trusted.
   */
  readonly secret?: Redacted.Redacted<string> | undefined
  /** The largest number of tasks that are accepted and have not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** The attribute `dispatcher` of its metrics. Default `"remote"`, or `"remote-2"` while another dispatcher has that name. */
  readonly name?: string | undefined
  /**
   * The longest time that a task waits while there is no worker, counted from when it was given, or from when the last
   * worker left if that is later; after that it fails with `NoWorker`. Also the longest time that a task waits while no
   * worker serves tasks of its kind; after that it fails with `UnknownTask`. Default 30 seconds.
   */
  readonly noWorkerTimeout?: Duration.Input | undefined
  /** The number of worker losses attributed to a task at which the task fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
  /**
   * The largest payload to send and result to accept, in bytes; a larger one fails its task with `Undecodable`. The
   * smaller limit of client and worker applies. Default 8 MiB.
   */
  readonly maxTaskBytes?: number | undefined
}

/**
 * Runs tasks in the worker processes that a name server knows.
 *
 * **Details**
 *
 * Workers, clients and name server may start and restart in any order. The handlers module is on the hosts of the
 * workers: a client never names code.
 *
 * Fails with `RemoteError` if it is refused, or speaks another version. An unreachable name server is retried.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options?: RemoteDispatcherOptions & {
    /** The `host:port` of the name server. Default `"127.0.0.1:7427"`. */
    readonly nameServer?: string | undefined
  }
): Layer.Layer<Dispatcher, RemoteError> =>
  layerOf(group, options ?? {}, (secret) =>
    Registry.nameServer({
      ...nameServerOption(options?.nameServer),
      secret,
      group: groupOption(options?.workerGroup),
      role: "client"
    }))

/**
 * Runs tasks in the worker processes that a `RunnerStorage` of Effect Cluster knows, such as its `SqlRunnerStorage`.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerStorage = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options?: RemoteDispatcherOptions
): Layer.Layer<Dispatcher, RemoteError, RunnerStorage> =>
  layerOf(group, options ?? {}, () => Registry.fromRunnerStorage)

const layerOf = <T extends Task.Any, R>(
  group: TaskGroup.TaskGroup<T>,
  options: RemoteDispatcherOptions,
  registryOf: (secret: Secret.Secret | undefined) => Effect.Effect<Registry.Registry["Service"], never, R>
): Layer.Layer<Dispatcher, RemoteError, Exclude<R, Scope.Scope>> =>
  Layer.unwrap(Effect.gen(function*() {
    const secret = yield* secretOption(options.secret)
    const maxTaskBytes = maxTaskBytesOption(options.maxTaskBytes)
    const workerGroup = groupOption(options.workerGroup)
    const { members } = yield* registryOf(secret)
    const executor = RemoteExecutor.make({
      catalog: new TaskCatalog(group.tasks),
      maxTaskBytes,
      noWorkerTimeout: millisOption("noWorkerTimeout", options.noWorkerTimeout) ?? 30_000,
      members: Stream.map(
        members,
        Result.map((runners) => runners.map((runner) => memberOf(runner, { group: workerGroup, secret }, maxTaskBytes)))
      )
    })
    return Executor.layer(group, executor, {
      capacity: options.capacity,
      maxWorkerLosses: options.maxWorkerLosses,
      name: options.name
    })
  }))

/**
 * `layer` with configuration: options that are not given are read from the ConfigProvider, by the names
 * `PAPYROS_REMOTE_WORKER_GROUP`, `PAPYROS_REMOTE_NAME_SERVER`, `PAPYROS_SECRET`,
 * `PAPYROS_REMOTE_CAPACITY` (a number or `unbounded`), `PAPYROS_REMOTE_MAX_WORKER_LOSSES`,
 * `PAPYROS_REMOTE_NO_WORKER_TIMEOUT` and `PAPYROS_REMOTE_MAX_TASK_BYTES`.
 *
 * **Gotchas**
 *
 * A secret in the environment stays there: child processes of the program inherit it, and worker threads do not.
 * The commands of papyros remove it.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options?: Parameters<typeof layer>[1]
): Layer.Layer<Dispatcher, RemoteError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(
      Config.all({
        workerGroup: optionOr(options?.workerGroup, Config.String("PAPYROS_REMOTE_WORKER_GROUP")),
        nameServer: optionOr(options?.nameServer, Config.String("PAPYROS_REMOTE_NAME_SERVER")),
        secret: optionOr(options?.secret, Config.Redacted(Secret.VARIABLE)),
        capacity: optionOr(options?.capacity, boundConfig("PAPYROS_REMOTE_CAPACITY")),
        maxWorkerLosses: optionOr(options?.maxWorkerLosses, countConfig("PAPYROS_REMOTE_MAX_WORKER_LOSSES")),
        noWorkerTimeout: optionOr(options?.noWorkerTimeout, Config.Duration("PAPYROS_REMOTE_NO_WORKER_TIMEOUT")),
        maxTaskBytes: optionOr(options?.maxTaskBytes, countConfig("PAPYROS_REMOTE_MAX_TASK_BYTES"))
      }),
      (config) => layer(group, { ...config, name: options?.name })
    )
  )
