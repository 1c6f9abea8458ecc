/**
 * The dispatcher of the runners of Effect Cluster. Use it if you run a cluster already: it needs no further port, secret
 * or server.
 *
 * A task whose runner is lost starts again on another one, so it may run twice, unless it is `idempotent: false`.
 *
 * @since 0.1.0
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Runners from "effect/cluster/Runners"
import { Sharding } from "effect/cluster/Sharding"
import { ShardingConfig } from "effect/cluster/ShardingConfig"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { Socket } from "effect/socket/Socket"
import type { SocketServer, SocketServerError } from "effect/socket/SocketServer"
import type { Dispatcher } from "../Dispatcher.ts"
import * as Executor from "../Executor.ts"
import * as ClusterExecutor from "../internal/cluster/client/executor.ts"
import { serve } from "../internal/cluster/runner/serve.ts"
import { millisOption } from "../internal/options.ts"
import { groupOption, maxTaskBytesOption } from "../internal/remote/options.ts"
import {
  checkPool,
  type HandlersError,
  type HandlersModule,
  type ThreadModule,
  type ThreadPoolSettings
} from "../internal/threads/main/options.ts"
import type * as Task from "../Task.ts"
import type * as TaskGroup from "../TaskGroup.ts"

/**
 * The options of `layer`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ClusterDispatcherOptions {
  /** The worker group that runs the tasks: 1 to 64 letters, digits, `.`, `_` or `-`. Default `"default"`. */
  readonly workerGroup?: string | undefined
  /** The shard group of the entity, as in `toLayer`. Default `"default"`. */
  readonly shardGroup?: string | undefined
  /** The largest number of tasks that are accepted and have not started. Default `"unbounded"`. */
  readonly capacity?: number | "unbounded" | undefined
  /** The attribute `dispatcher` of its metrics. Default `"cluster"`, or `"cluster-2"` while another dispatcher has that name. */
  readonly name?: string | undefined
  /** The number of worker losses attributed to a task at which the task fails with `WorkerLost`. Default 3. */
  readonly maxWorkerLosses?: number | undefined
  /**
   * The largest payload to send and result to accept, in bytes; a larger one fails its task with `Undecodable`. The
   * smaller limit of client and runner applies. It must be smaller than the largest frame of the cluster's transport.
   * Default 8 MiB.
   */
  readonly maxTaskBytes?: number | undefined
  /**
   * The longest time that a task waits while no runner is known, counted from when it was given, or from when the last
   * runner was lost if that is later; after that it fails with `NoWorker`. Also the longest time that a task waits while
   * no runner serves tasks of its kind; after that it fails with `UnknownTask`. Default 2 minutes: longer than a database
   * of the cluster usually takes to restart.
   */
  readonly noWorkerTimeout?: Duration.Input | undefined
}

/**
 * Runs tasks on the runners that have the Layer `toLayer` of the same worker group.
 *
 * **Details**
 *
 * The `Sharding` may be that of a client, or that of a runner. Nothing is stored: `MessageStorage.layerNoop` is enough.
 * A runner that does not answer for 8 seconds is lost, even if the leases of the cluster are longer.
 *
 * **Gotchas**
 *
 * The transports of Effect Cluster have neither TLS nor authentication: every process that reaches the port of a runner
 * can run tasks.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options?: ClusterDispatcherOptions
): Layer.Layer<Dispatcher, never, Sharding> =>
  Layer.unwrap(Effect.gen(function*() {
    const sharding = yield* Sharding
    const executor = yield* ClusterExecutor.fromSharding(sharding, group.tasks, {
      workerGroup: groupOption(options?.workerGroup),
      shardGroup: options?.shardGroup,
      maxTaskBytes: maxTaskBytesOption(options?.maxTaskBytes),
      noWorkerTimeout: millisOption("noWorkerTimeout", options?.noWorkerTimeout) ?? 120_000
    })
    // No runner, and no answer of one, fails the opening of the dispatcher.
    return Layer.orDie(
      Executor.layer(group, executor, {
        capacity: options?.capacity,
        maxWorkerLosses: options?.maxWorkerLosses,
        name: options?.name
      })
    )
  }))

/**
 * The options of `toLayer`, without the module that has the handlers.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ClusterWorkerSettings extends Omit<ThreadPoolSettings, "capacity" | "maxWorkerLosses" | "name"> {
  /** The worker group that the runner serves: 1 to 64 letters, digits, `.`, `_` or `-`. Default `"default"`. */
  readonly workerGroup?: string | undefined
  /** The shard group of the entity: only runners that have shards of this group get tasks. Default `"default"`. */
  readonly shardGroup?: string | undefined
  /** The longest wait for running tasks when the scope of the Layer ends. Default 30 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
  /** The size of the largest payload to accept and of the largest result to send, in bytes. Default 8 MiB. */
  readonly maxTaskBytes?: number | undefined
}

/**
 * The options of `toLayer`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type ClusterWorkerOptions = (HandlersModule | ThreadModule) & ClusterWorkerSettings

/**
 * Makes a runner a worker: it runs the tasks of a worker group in worker threads.
 *
 * **Details**
 *
 * When its scope ends, the runner accepts no more tasks, returns the tasks that have not started to their clients, and
 * waits for the running tasks for at most `drainTimeout`. Only then it leaves the cluster. So a runner can be replaced
 * without failing tasks.
 *
 * Fails with `HandlersError` if the handlers module cannot be used. A `Sharding` of a client, and a second Layer of the
 * same worker group on one runner, are defects.
 *
 * **Gotchas**
 *
 * If the runner serves other entities too, set `preemptiveShutdown: false` in its `ShardingConfig`: otherwise the runner
 * leaves the cluster as soon as the first entity ends, and its clients lose it while it drains.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const toLayer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: ClusterWorkerOptions
): Layer.Layer<never, HandlersError, Sharding> =>
  Layer.effectDiscard(Effect.suspend(() =>
    serve({
      pool: checkPool(group, options),
      workerGroup: groupOption(options.workerGroup),
      shardGroup: options.shardGroup,
      maxTaskBytes: maxTaskBytesOption(options.maxTaskBytes),
      drainTimeout: millisOption("drainTimeout", options.drainTimeout) ?? 30_000
    })
  ))

/**
 * The client's part of the transport of `NodeClusterSocket`, with TCP_NODELAY. Without it, a small message that
 * follows another one waits for a delayed acknowledgement, which takes 40 ms.
 *
 * @stability experimental
 * @category transports
 * @since 0.1.0
 */
export const layerClientProtocol: Layer.Layer<
  Runners.RpcClientProtocol,
  never,
  RpcSerialization.RpcSerialization
> = Layer.effect(Runners.RpcClientProtocol)(
  Effect.map(RpcSerialization.RpcSerialization, (serialization) => ({
    codecFor: serialization.codecFor,
    make: Effect.fnUntraced(function*({ host, port }) {
      const socket = yield* NodeSocket.makeNet({ host, port, noDelay: true, openTimeout: 1000, timeout: 5500 })
      return yield* RpcClient.makeProtocolSocket().pipe(
        Effect.provideService(Socket, socket),
        Effect.provideService(RpcSerialization.RpcSerialization, serialization)
      )
    }, Effect.orDie)
  }))
)

/**
 * The runner's part of the transport of `NodeClusterSocket`, with TCP_NODELAY. It listens on `runnerListenAddress`, or
 * on `runnerAddress` without one.
 *
 * @stability experimental
 * @category transports
 * @since 0.1.0
 */
export const layerSocketServer: Layer.Layer<SocketServer, SocketServerError, ShardingConfig> = Layer.unwrap(
  Effect.flatMap(
    ShardingConfig,
    ({ runnerAddress, runnerListenAddress }) =>
      Option.match(Option.orElse(runnerListenAddress, () => runnerAddress), {
        onNone: () => Effect.die(new Error("layerSocketServer needs the runnerAddress of ShardingConfig")),
        onSome: ({ host, port }) => Effect.succeed(NodeSocketServer.layer({ host, port, noDelay: true }))
      })
  )
)
