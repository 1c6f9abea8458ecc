/**
 * The registry, in which workers register and clients find them: a name server, or a `RunnerStorage` of Effect Cluster.
 *
 * Must stay true: `register` never fails, however long the registry is unavailable, and registers again whenever the
 * registration is lost. `members` fails at once, so that a client can keep its last view.
 */
import type { Runner } from "effect/cluster/Runner"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { sanitizeForLog } from "../../sanitize.ts"
import * as Secret from "../auth/secret.ts"
import { RemoteError, Unreachable } from "../transport/error.ts"
import * as NameServerClient from "./client.ts"

export class Registry extends Context.Service<Registry, {
  /** Returns once the worker is registered, and keeps it registered while the scope is open. */
  readonly register: (runner: Runner) => Effect.Effect<void, never, Scope.Scope>
  /** The workers of the group. */
  readonly members: Effect.Effect<ReadonlyArray<Runner>, RemoteError>
}>()("papyros/remote/Registry") {}

// ----------------------------------------------------------------------------
// The name server
// ----------------------------------------------------------------------------

export interface NameServerRegistryOptions extends Omit<NameServerClient.NameServerClientOptions, "identity"> {
  readonly group: string
  readonly role: "worker" | "client"
}

/** How long after the end of a registration the worker registers again, in milliseconds. */
const REGISTER_DELAY = 100

/** The registry of a name server, which may start later. */
export const nameServer: (
  options: NameServerRegistryOptions
) => Effect.Effect<Registry["Service"], never, Scope.Scope> = Effect.fnUntraced(
  function*({ group, role, ...options }) {
    // An unusable secret is a defect here, not once in every attempt.
    if (options.secret !== undefined) Secret.bytesOf(options.secret)
    const connection = yield* NameServerClient.reconnecting(
      NameServerClient.open({ ...options, identity: { role, group } })
    )
    return Registry.of({
      register: Effect.fnUntraced(function*(runner) {
        const registered = yield* Deferred.make<void>()
        const registration = Effect.flatMap(
          connection,
          ({ client, toRemoteError }) =>
            Stream.runForEach(client.Register({ group, runner }), () => Deferred.succeed(registered, undefined)).pipe(
              Effect.mapError(toRemoteError)
            )
        )
        // `reconnecting` has logged why there is no connection.
        yield* Effect.ignoreCause(registration, { log: "Debug" }).pipe(
          Effect.andThen(Effect.sleep(REGISTER_DELAY)),
          Effect.forever,
          Effect.forkScoped
        )
        yield* Deferred.await(registered)
      }),
      members: Effect.flatMap(
        connection,
        ({ client, toRemoteError }) => Effect.mapError(client.Members({ group }), toRemoteError)
      )
    })
  }
)

// ----------------------------------------------------------------------------
// A RunnerStorage
// ----------------------------------------------------------------------------

/** How often a worker renews its registration, in milliseconds. */
const HEARTBEAT = 5000

/** How long after a failure of the storage the worker tries again, in milliseconds. */
const RETRY = 1000

/** How long removing a registration may take, in milliseconds. */
const UNREGISTER_TIMEOUT = 2000

/** The registry of a storage of Effect Cluster. Each worker group needs a storage of its own. */
export const fromRunnerStorage: Effect.Effect<Registry["Service"], never, RunnerStorage.RunnerStorage> = Effect.map(
  RunnerStorage.RunnerStorage,
  (storage) =>
    Registry.of({
      register: Effect.fnUntraced(function*(runner) {
        const register = storage.register(runner, true).pipe(
          Effect.tapError((error) => Effect.logWarning(`The registry failed: ${sanitizeForLog(String(error.cause))}`)),
          Effect.retry(Schedule.spaced(RETRY)),
          // The schedule never ends, so the error never gets here.
          Effect.orDie
        )
        // Added before the renewal starts, so that it runs after the renewal has ended.
        yield* Effect.addFinalizer(() =>
          Effect.ignoreCause(Effect.timeout(storage.unregister(runner.address), UNREGISTER_TIMEOUT), { log: "Debug" })
        )
        yield* register
        yield* Effect.forever(Effect.andThen(Effect.sleep(HEARTBEAT), register)).pipe(
          Effect.forkScoped({ startImmediately: true })
        )
      }),
      members: Effect.mapBoth(storage.getRunners, {
        onSuccess: (runners) => runners.filter(([, healthy]) => healthy).map(([runner]) => runner),
        onFailure: ({ cause }) =>
          new RemoteError({ reason: new Unreachable({ address: "registry", message: String(cause) }) })
      })
    })
)
