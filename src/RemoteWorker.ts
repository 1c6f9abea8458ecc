/**
 * The worker process of `RemoteDispatcher`, as a Layer. It runs the tasks of the clients of its worker group in worker
 * threads. The command `papyros workers` runs this Layer.
 *
 * When its scope ends, the worker accepts no more tasks, returns the tasks that have not started to their clients, and
 * waits for the running tasks for at most `drainTimeout`. So a worker can be replaced without failing tasks.
 *
 * @since 0.1.0
 */
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { millisOption } from "./internal/options.ts"
import { advertised } from "./internal/remote/advertise.ts"
import type { Secret } from "./internal/remote/auth/secret.ts"
import {
  groupOption,
  maxTaskBytesOption,
  nameServerOption,
  portOption,
  secretOption
} from "./internal/remote/options.ts"
import * as Registry from "./internal/remote/registry/registry.ts"
import type { RemoteError } from "./internal/remote/transport/error.ts"
import * as WorkerServer from "./internal/remote/worker/server.ts"
import {
  checkPool,
  type HandlersError,
  type HandlersModule,
  type ThreadModule,
  type ThreadPoolSettings
} from "./internal/threads/main/options.ts"
import type * as Task from "./Task.ts"
import type * as TaskGroup from "./TaskGroup.ts"

/**
 * The options of a worker process, without the module that has the handlers.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface RemoteWorkerSettings extends Omit<ThreadPoolSettings, "capacity" | "maxWorkerLosses" | "name"> {
  /** The worker group that the worker joins: 1 to 64 letters, digits, `.`, `_` or `-`. Default `"default"`. */
  readonly workerGroup?: string | undefined
  /**
   * The secret that clients, workers and the name server share: at least 128 bits as hex, base64 or base64url. The
   * command `papyros secret` makes one. It may be several secrets, separated by white space: each is accepted, and the
   * first is used to connect. So the secret of a running deployment can be changed. Default: none. Then clients,
   * workers and the name server must be on one host, and every user of that host is trusted.
   */
  readonly secret?: Redacted.Redacted<string> | undefined
  /** The address to listen on. Any address but loopback needs a secret. Default `"127.0.0.1"`. */
  readonly host?: string | undefined
  /** The port to listen on, at most 65535. Default: any free port. */
  readonly port?: number | undefined
  /**
   * The `host` or `host:port` at which clients connect to the worker. Default: `host` and the port that the worker
   * listens on. If `host` is `0.0.0.0` or `::`, the default is the network address of this host; if the host has
   * several, the Layer fails with `RemoteError`.
   */
  readonly advertise?: string | undefined
  /** The longest wait for running tasks when the scope of the Layer ends. Default 30 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
  /** The size of the largest payload to accept and of the largest result to send, in bytes. Default 8 MiB. */
  readonly maxTaskBytes?: number | undefined
}

/**
 * The options of a worker process.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export type RemoteWorkerOptions = (HandlersModule | ThreadModule) & RemoteWorkerSettings

/**
 * The worker of `layer`, with its scheduler, for a recording of it.
 *
 * @internal
 */
export const start = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: RemoteWorkerOptions & { readonly nameServer?: string | undefined }
) =>
  Effect.gen(function*() {
    const secret = yield* secretOption(options.secret)
    const registry = yield* Registry.nameServer({
      ...nameServerOption(options.nameServer),
      secret,
      group: groupOption(options.workerGroup),
      role: "worker"
    })
    return yield* WorkerServer.serve(registry, yield* checked(group, options, secret))
  })

/**
 * Runs a worker that registers at a name server. If the name server starts later, the worker waits for it.
 *
 * **Details**
 *
 * Fails with `HandlersError` if the handlers module cannot be used, and with `RemoteError` if the worker cannot listen.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: RemoteWorkerOptions & {
    /** The `host:port` of the name server. Default `"127.0.0.1:7427"`. */
    readonly nameServer?: string | undefined
  }
): Layer.Layer<never, HandlersError | RemoteError> => Layer.effectDiscard(start(group, options))

/**
 * Runs a worker that registers in a `RunnerStorage` of Effect Cluster, such as its `SqlRunnerStorage`.
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerStorage = <T extends Task.Any>(
  group: TaskGroup.TaskGroup<T>,
  options: RemoteWorkerOptions
): Layer.Layer<never, HandlersError | RemoteError, RunnerStorage> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const secret = yield* secretOption(options.secret)
    yield* WorkerServer.serve(yield* Registry.fromRunnerStorage, yield* checked(group, options, secret))
  }))

const checked = (
  group: TaskGroup.Any,
  options: RemoteWorkerOptions,
  secret: Secret | undefined
): Effect.Effect<WorkerServer.WorkerServerOptions, RemoteError> =>
  Effect.suspend(() => {
    const host = options.host ?? "127.0.0.1"
    const checked = {
      pool: checkPool(group, options),
      secret,
      workerGroup: groupOption(options.workerGroup),
      host,
      port: portOption(options.port),
      drainTimeout: millisOption("drainTimeout", options.drainTimeout) ?? 30_000,
      maxTaskBytes: maxTaskBytesOption(options.maxTaskBytes)
    }
    return Effect.map(advertised(host, options.advertise), (advertise) => ({ ...checked, advertise }))
  })
