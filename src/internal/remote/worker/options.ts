/** The options of a worker process. */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { WorkerPoolOptions } from "../../threads/main/options.ts"

/**
 * What a worker takes, beside the options of its threads.
 *
 * @category models
 */
export interface RemoteWorkerOptions extends Omit<WorkerPoolOptions, "capacity" | "maxWorkerLosses"> {
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
